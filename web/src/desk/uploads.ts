// All uploads of whoever is signed in, in this browser: what is shown of them, and
// what can be done with them. They go on wherever one is in the page.
import { useSyncExternalStore } from 'react'
import { Desk } from './desk'
import { faultOf } from './fault'
import { carry, type Line } from './carry'
import { keptHours, lockName, over, readMetas, removeMeta, removeSealed, sweep, writeMeta, type Meta } from './meta'
import { DeskError, type Checked, type Options } from './protocol'
import { Rate } from './rate'
import type { Phase } from './drive'

/** An upload as it is shown. */
export type Sending = {
  meta: Meta
  phase: Phase
  /** Rows sealed, or bytes that the room has. */
  done: number
  /** Of so many rows or bytes. */
  of: number
  /** Rows a second; 0: it can't be said. */
  rowsPerSecond: number
  /** Seconds; undefined: it can't be said. */
  left?: number
  /** Why it was not sealed, of this page alone: it is not kept. */
  fault?: DeskError['fault']
}

let person = ''
let shown: Sending[] = []
const listeners = new Set<() => void>()
const stops = new Map<string, AbortController>()

const listen = (f: () => void) => {
  listeners.add(f)
  return () => listeners.delete(f)
}

/** Uploads, newest first. */
export const useUploads = () => useSyncExternalStore(listen, () => shown)

function show(next: Sending[]) {
  shown = next
  for (const f of listeners) f()
}

const get = (id: string) => shown.find((s) => s.meta.id === id)
const change = (id: string, by: Partial<Sending>) => show(shown.map((s) => (s.meta.id === id ? { ...s, ...by } : s)))

/** What was taken away stays so, whatever was under way. */
const forgotten = new Set<string>()

async function keep(meta: Meta) {
  if (forgotten.has(meta.id)) return
  change(meta.id, { meta })
  await writeMeta(meta)
}

const newSending = (meta: Meta): Sending => ({ meta, phase: over(meta.state) ? 'over' : meta.paused ? 'paused' : 'sending', done: 0, of: meta.bytes, rowsPerSecond: 0 })

/** Goes on with the uploads of a person; gives what ends that. */
export function goOn(who: string): () => void {
  person = who
  void (async () => {
    await sweep()
    const metas = await readMetas(who)
    if (person !== who) return
    const there = new Set(shown.map((s) => s.meta.id))
    show([...shown, ...metas.filter((m) => !there.has(m.id)).map(newSending)])
    for (const m of metas) await takeUp(m)
  })().catch(() => {
    // A browser without a file system of its own: there is nothing to go on with.
  })
  return () => {
    person = ''
    for (const s of stops.values()) s.abort()
    show([])
  }
}

/** A day after its last byte the room has forgotten it; what is over stands a week. */
async function takeUp(m: Meta) {
  const age = (Date.now() - Date.parse(m.ended ?? m.created)) / 3_600_000
  if (over(m.state) && age > 7 * 24) return forget(m.id)
  if (over(m.state) || m.paused) return
  if (m.state === 'sealed' && !m.path && age > keptHours) {
    await removeSealed(m.id)
    return keep({ ...m, state: 'expired', ended: new Date().toISOString() })
  }
  run(m.id)
}

/** Carries an upload on, where no other tab does. */
function run(id: string) {
  if (stops.has(id)) return
  const stop = new AbortController()
  stops.set(id, stop)
  const rate = new Rate()
  const line: Line = {
    signal: stop.signal,
    meta: () => get(id)?.meta,
    keep,
    phase: (phase) => {
      if (phase !== 'sending') rate.reset()
      change(id, { phase, rowsPerSecond: 0, left: undefined })
    },
    progress: (done, of) => {
      rate.add(done, performance.now())
      const rows = get(id)?.meta.accepted ?? 0
      change(id, { done, of, rowsPerSecond: of > 0 ? (rate.perSecond() * rows) / of : 0, left: rate.left(of) })
    },
  }
  void carry(id, line).finally(() => {
    if (stops.get(id) === stop) stops.delete(id)
  })
}

export type Begin = { person: string; file: File; options: Options & Required<Pick<Options, 'entrustment' | 'list' | 'change' | 'key' | 'version' | 'party'>>; checked: Checked }

/** Seals a list that was checked and sends it. Gives its id at once. */
export function begin(b: Begin): string {
  const id = [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, '0')).join('')
  const r = b.checked.report
  const meta: Meta = {
    schema: 1,
    id,
    person: b.person,
    entrustment: b.options.entrustment,
    list: b.options.list,
    change: b.options.change,
    state: 'sealing',
    rows: r.rows,
    accepted: r.accepted,
    bytes: 0,
    tries: 0,
    created: new Date().toISOString(),
  }
  show([{ meta, phase: 'sealing', done: 0, of: r.rows, rowsPerSecond: 0 }, ...shown])
  const stop = new AbortController()
  stops.set(id, stop)
  // Held while it is sealed, so that another tab doesn't take it for one that was cut.
  void (async () => {
    const whole: boolean = await navigator.locks.request(lockName(id), async () => sealed(meta, b, stop))
    if (stops.get(id) === stop) stops.delete(id)
    if (whole) run(id)
  })()
  return id
}

/** Gives whether the sealed file is whole. */
async function sealed(meta: Meta, b: Begin, stop: AbortController): Promise<boolean> {
  const id = meta.id
  const desk = new Desk()
  const rate = new Rate()
  try {
    await writeMeta(meta)
    const out = await desk.seal(b.file, { ...b.options, upload: id }, id, {
      signal: stop.signal,
      progress: (rows) => {
        rate.add(rows, performance.now())
        change(id, { done: rows, rowsPerSecond: rate.perSecond(), left: rate.left(meta.rows) })
      },
    })
    const { file: _, ...report } = out.report as typeof out.report & { file?: string } // it may name a person
    await keep({ ...meta, state: 'sealed', bytes: out.bytes, rows: report.rows, accepted: report.accepted, found: { report, groups: out.groups } })
    change(id, { phase: 'sending', done: 0, of: out.bytes, rowsPerSecond: 0, left: undefined })
    if (out.problems) await keepProblems(id, out.problems)
    return true
  } catch (err) {
    await removeSealed(id)
    await removeMeta(id)
    const fault = err instanceof DeskError ? err.fault : faultOf(err)
    if (fault.code === 'E_ABORTED') show(shown.filter((s) => s.meta.id !== id))
    else change(id, { meta: { ...meta, state: 'failed' }, phase: 'over', fault })
    return false
  } finally {
    desk.close()
  }
}

export async function pause(id: string) {
  const s = get(id)
  if (!s || s.meta.state !== 'sealed') return
  stops.get(id)?.abort()
  stops.delete(id)
  await keep({ ...s.meta, paused: true })
  change(id, { phase: 'paused', rowsPerSecond: 0, left: undefined })
}

export async function resume(id: string) {
  const s = get(id)
  if (!s || !s.meta.paused) return
  await keep({ ...s.meta, paused: false })
  run(id)
}

/** Asks the room once more to load what it has. */
export async function again(id: string) {
  const s = get(id)
  if (!s || s.meta.state !== 'failed' || !s.meta.path) return
  await keep({ ...s.meta, state: 'sent', job: undefined, problem: undefined, ended: undefined, tries: s.meta.tries + 1 })
  run(id)
}

/** Takes an upload back: out of the room, where it is there, and out of the browser. */
export async function abort(id: string) {
  const s = get(id)
  if (!s) return
  stops.get(id)?.abort()
  stops.delete(id)
  if (s.meta.state === 'sealing') return // its end removes it
  if (s.meta.path && (s.meta.state === 'sealed' || s.meta.state === 'sent' || s.meta.state === 'failed')) {
    const { takeBack } = await import('./room')
    await takeBack(s.meta.path)
  }
  await forget(id)
}

/** Takes away what is over. */
export async function forget(id: string) {
  forgotten.add(id)
  await removeSealed(id)
  await removeMeta(id)
  const { removeProblems } = await import('./kept')
  await removeProblems(id)
  show(shown.filter((s) => s.meta.id !== id))
}

async function keepProblems(id: string, csv: Blob) {
  const { writeProblems } = await import('./kept')
  await writeProblems(id, csv)
}
