// Where uploads lie in the browser: one directory of the origin's private file
// system, with a sealed file and a JSON beside it of each. A name is an upload id,
// never a file's own name, which may name a person.

export const uploadsDir = async () => (await navigator.storage.getDirectory()).getDirectoryHandle('uploads', { create: true })
export const reportsDir = async () => (await navigator.storage.getDirectory()).getDirectoryHandle('reports', { create: true })

export const sealedName = (id: string) => `${id}.sealed`
export const metaName = (id: string) => `${id}.json`

export async function readJSON<T>(dir: FileSystemDirectoryHandle, name: string): Promise<T | undefined> {
  try {
    const file = await (await dir.getFileHandle(name)).getFile()
    return JSON.parse(await file.text()) as T
  } catch {
    return undefined // not there, or cut short by a crash: either way there is nothing to go on with
  }
}

/** Writes a file whole or not at all: a writable takes the old one's place when it is closed. */
export async function write(dir: FileSystemDirectoryHandle, name: string, data: string | Blob) {
  const w = await (await dir.getFileHandle(name, { create: true })).createWritable()
  await w.write(data)
  await w.close()
}

export async function remove(dir: FileSystemDirectoryHandle, name: string) {
  try {
    await dir.removeEntry(name)
  } catch {
    // gone already, or held by another tab, which removes it itself
  }
}

export async function names(dir: FileSystemDirectoryHandle): Promise<string[]> {
  const out: string[] = []
  for await (const name of dir.keys()) out.push(name)
  return out.sort()
}
