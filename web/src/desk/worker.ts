// The worker that reads a list, checks it and seals it: the WASM of package intake
// works on this thread, so that the page stays quick and no cell of the file is
// ever on the page's own.
import { faultOf } from './fault'
import { sealedInto, type Sink } from './sink'
import type { Answered, Asked, Group, Options, Report, Work } from './protocol'

type Source = { size: number; read: (at: number, n: number) => Promise<Uint8Array> }
type On = { progress?: (rows: number, bytes: number) => void; signal?: AbortSignal; write?: (chunk: Uint8Array) => void; value?: string; kind?: string }
type Raw = { report: Report; groups?: Group[]; problems?: string; bytes?: number }
type Module = Record<'preview' | 'find' | 'check' | 'seal', (source: Source, options: Options, on: On) => Promise<unknown>>
type GoProgram = { importObject: WebAssembly.Imports; run(i: WebAssembly.Instance): Promise<void> }

const scope = globalThis as unknown as Record<string, unknown> & { Go: new () => GoProgram }
const say = (a: Answered) => postMessage(a)

const loaded = new Map<string, Promise<Module>>()

/** Starts a module once: text for CSV and the like, sheet for all formats. */
function moduleOf(name: 'text' | 'sheet'): Promise<Module> {
  let m = loaded.get(name)
  if (!m) {
    m = start(name).catch((): never => {
      throw Object.assign(new Error('the module did not start'), { code: 'E_WORKER' })
    })
    loaded.set(name, m)
    m.catch(() => loaded.delete(name))
  }
  return m
}

async function start(name: 'text' | 'sheet'): Promise<Module> {
  const glue = '/wasm/wasm_exec.js'
  await import(/* @vite-ignore */ glue)
  const go = new scope.Go()
  const { instance } = await WebAssembly.instantiateStreaming(fetch(`/wasm/${name}.wasm`), go.importObject)
  void go.run(instance) // serves until the worker ends
  return scope[name === 'text' ? 'awaseText' : 'awaseSheet'] as Module
}

/** What begins like a package may hold a spreadsheet or Parquet; text needs only the
 * small module. */
async function moduleFor(file: File): Promise<Module> {
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer())
  const is = (...magic: number[]) => magic.every((b, i) => head[i] === b)
  const packed = is(0x50, 0x4b) || is(0x50, 0x41, 0x52) || is(0x1f, 0x8b) || is(0x28, 0xb5, 0x2f, 0xfd)
  return moduleOf(packed ? 'sheet' : 'text')
}

const running = new Map<number, AbortController>()

onmessage = (e: MessageEvent<Asked>) => {
  const asked = e.data
  if ('warm' in asked) void moduleOf('text').catch(() => {}) // who asks for work is told
  else if ('cancel' in asked) running.get(asked.id)?.abort()
  else void answer(asked.id, asked.work)
}

async function answer(id: number, work: Work) {
  const stop = new AbortController()
  running.set(id, stop)
  try {
    say({ id, done: await run(id, work, stop.signal) })
  } catch (err) {
    say({ id, fault: faultOf(err) })
  } finally {
    running.delete(id)
  }
}

async function run(id: number, work: Work, signal: AbortSignal): Promise<unknown> {
  const { file } = work
  const module = await moduleFor(file)
  // What the module says of a read is that it failed; why, the file knows.
  let unread: unknown
  const source: Source = {
    size: file.size,
    read: async (at, n) => {
      try {
        return new Uint8Array(await file.slice(at, at + n).arrayBuffer())
      } catch (err) {
        unread = err
        throw err
      }
    },
  }
  try {
    return await does(id, work, module, source, signal)
  } catch (err) {
    throw unread ?? err
  }
}

async function does(id: number, work: Work, module: Module, source: Source, signal: AbortSignal): Promise<unknown> {
  const { options } = work
  const progress = paced(id)
  switch (work.do) {
    case 'preview':
      return module.preview(source, options, { signal })
    case 'find':
      return module.find(source, options, { signal, value: work.value, kind: work.kind })
    case 'check':
      return told((await module.check(source, options, { signal, progress })) as Raw)
    case 'seal': {
      const sink = await sealedInto(work.into)
      return keep(sink, () => module.seal(source, options, { signal, progress, write: (chunk) => sink.write(chunk) }))
    }
  }
}

/** Seals into a file of the browser; what is not whole is of no use, and goes. */
async function keep(sink: Sink, seal: () => Promise<unknown>) {
  try {
    const raw = (await seal()) as Raw
    sink.end()
    return { ...told(raw), bytes: raw.bytes ?? 0 }
  } catch (err) {
    await sink.drop()
    // What the module says of a write is that it failed; why, the file knows.
    throw sink.broken ?? err
  }
}

/** The list of problems becomes a file at once: it may have 100,000 lines. */
function told(raw: Raw) {
  return { report: raw.report, groups: raw.groups ?? [], problems: raw.problems ? new Blob([raw.problems], { type: 'text/csv;charset=utf-8' }) : undefined }
}

/** Progress ten times a second, not with each thousand rows. */
function paced(id: number) {
  let last = 0
  return (rows: number, bytes: number) => {
    const now = performance.now()
    if (now - last < 100) return
    last = now
    say({ id, rows, bytes })
  }
}
