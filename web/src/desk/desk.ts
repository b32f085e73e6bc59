// The page's side of the worker: each thing that is done with a file as a promise.
import { DeskError, type Answered, type Asked, type Checked, type Found, type Kind, type Options, type Preview, type Sealed, type Work } from './protocol'

export type Watch = { progress?: (rows: number, bytes: number) => void; signal?: AbortSignal }

/** What a desk talks to: a Worker, or in tests what stands for one. */
export type Line = Pick<Worker, 'postMessage' | 'terminate' | 'onmessage' | 'onerror'>

type Waiting = { resolve: (v: never) => void; reject: (err: unknown) => void; watch: Watch; unwatch: () => void }

const worker = (): Line => new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })

export class Desk {
  private line?: Line
  private next = 1
  private readonly waiting = new Map<number, Waiting>()
  private readonly open: () => Line

  /** The worker begins with the first thing that is asked of it. */
  constructor(open: () => Line = worker) {
    this.open = open
  }

  /** Has the worker make ready what most files need, before there is one. */
  warm() {
    this.say({ warm: true })
  }

  preview(file: File, options: Options, watch?: Watch): Promise<Preview> {
    return this.ask({ do: 'preview', file, options }, watch)
  }

  /** Looks for one value that somebody typed in the first rows. */
  find(file: File, options: Options, value: string, kind?: Kind): Promise<Found> {
    return this.ask({ do: 'find', file, options, value, kind })
  }

  check(file: File, options: Options, watch?: Watch): Promise<Checked> {
    return this.ask({ do: 'check', file, options }, watch)
  }

  /** Seals into the browser's own file of that id. */
  seal(file: File, options: Options, into: string, watch?: Watch): Promise<Sealed> {
    return this.ask({ do: 'seal', file, options, into }, watch)
  }

  /** Ends the worker and all that it does. */
  close() {
    this.line?.terminate()
    this.line = undefined
    this.break('E_ABORTED')
  }

  private ask<T>(work: Work, watch: Watch = {}): Promise<T> {
    const id = this.next++
    return new Promise<T>((resolve, reject) => {
      const cancel = () => this.waiting.has(id) && this.say({ id, cancel: true })
      watch.signal?.addEventListener('abort', cancel)
      this.waiting.set(id, { resolve, reject, watch, unwatch: () => watch.signal?.removeEventListener('abort', cancel) })
      this.say({ id, work })
      if (watch.signal?.aborted) cancel()
    })
  }

  private say(a: Asked) {
    if (!this.line) {
      this.line = this.open()
      this.line.onmessage = (e: MessageEvent<Answered>) => this.hear(e.data)
      this.line.onerror = () => this.break('E_WORKER')
    }
    this.line.postMessage(a)
  }

  private hear(a: Answered) {
    const w = this.waiting.get(a.id)
    if (!w) return
    if ('rows' in a) {
      w.watch.progress?.(a.rows, a.bytes)
      return
    }
    this.waiting.delete(a.id)
    w.unwatch()
    if ('fault' in a) w.reject(new DeskError(a.fault))
    else w.resolve(a.done as never)
  }

  private break(code: string) {
    for (const w of this.waiting.values()) {
      w.unwatch()
      w.reject(new DeskError({ code, field: '', detail: '', mend: '', clause: '' }))
    }
    this.waiting.clear()
  }
}
