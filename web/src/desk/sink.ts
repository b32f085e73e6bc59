// Where the worker writes what is sealed: a file of the browser's own (OPFS).
import { sealedName, uploadsDir } from './place'

export class Sink {
  private at = 0
  /** Why it could not be written. */
  broken: unknown
  private readonly handle: FileSystemSyncAccessHandle
  private readonly name: string

  constructor(handle: FileSystemSyncAccessHandle, name: string) {
    this.handle = handle
    this.name = name
  }

  write(chunk: Uint8Array) {
    try {
      let from = 0
      while (from < chunk.length) {
        const n = this.handle.write(chunk.subarray(from), { at: this.at })
        // Some browsers write less than was asked where there is no room.
        if (n === 0) throw new DOMException('no room', 'QuotaExceededError')
        from += n
        this.at += n
      }
    } catch (err) {
      this.broken = err
      throw err
    }
  }

  end() {
    try {
      this.handle.flush()
    } catch (err) {
      this.broken = err
      throw err
    }
    this.handle.close()
  }

  async drop() {
    this.handle.close()
    await (await uploadsDir()).removeEntry(this.name).catch(() => {})
  }
}

export async function sealedInto(id: string): Promise<Sink> {
  const name = sealedName(id)
  const file = await (await uploadsDir()).getFileHandle(name, { create: true })
  const handle = await file.createSyncAccessHandle()
  handle.truncate(0)
  return new Sink(handle, name)
}
