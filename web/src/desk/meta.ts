// What is kept of an upload beside its sealed bytes, so that it goes on after a
// reload: no identifier, no name of a file.
import type { Problem } from '../api/client'
import { metaName, names, readJSON, remove, sealedName, uploadsDir, write } from './place'
import type { Change, Group, Report } from './protocol'

/** sealing: the sealed file isn't whole. sealed: it is. sent: the room has it.
 * loading: a job loads it. loaded, failed, cut, expired: it is over. */
export type State = 'sealing' | 'sealed' | 'sent' | 'loading' | 'loaded' | 'failed' | 'cut' | 'expired'

export type Diff = { added: number; removed: number }

export type Meta = {
  schema: 1
  /** Upload id of the sealed file, and its name here. */
  id: string
  person: string
  entrustment: string
  list: string
  change: Change
  state: State
  paused?: boolean
  rows: number
  accepted: number
  bytes: number
  /** Path of the upload in the room. */
  path?: string
  job?: string
  /** How often the room was asked to load it: part of that request's key. */
  tries: number
  created: string
  ended?: string
  version?: number
  /** The list was the same already: it has no new version. */
  same?: boolean
  /** Its rows beside those of the version before, where there is one and it is known. */
  diff?: Diff
  problem?: Pick<Problem, 'code' | 'detail' | 'clause' | 'mend'>
  /** What was found in it: counts, places, reasons. */
  found?: { report: Report; groups: Group[] }
}

/** What a load says of the version before. */
export function diffOf(r: { rows?: number; added?: number; removed?: number } | null | undefined): Diff | undefined {
  if (r?.added === undefined || r.removed === undefined) return undefined
  const beside = r.removed > 0 || r.added !== r.rows
  return beside ? { added: r.added, removed: r.removed } : undefined
}

/** Whether a load made no version. Where the room did the same file twice, as after it was
 * stopped before it answered, it says that nothing changed, and what the file did. */
export const unchanged = (r: { changed?: boolean; added?: number; removed?: number } | null | undefined) => r?.changed === false && !r.added && !r.removed

export const over = (s: State) => s === 'loaded' || s === 'failed' || s === 'cut' || s === 'expired'

/** The lock under which one tab carries an upload. */
export const lockName = (id: string) => `awase-upload-${id}`

/** The room keeps what is unfinished for a day. */
export const keptHours = 24

export async function readMetas(person: string): Promise<Meta[]> {
  const dir = await uploadsDir()
  const out: Meta[] = []
  for (const name of await names(dir)) {
    if (!name.endsWith('.json')) continue
    const m = await readJSON<Meta>(dir, name)
    if (m?.schema === 1 && m.person === person) out.push(m)
  }
  return out.sort((a, b) => b.created.localeCompare(a.created))
}

export const readMeta = async (id: string) => readJSON<Meta>(await uploadsDir(), metaName(id))
export const writeMeta = async (m: Meta) => write(await uploadsDir(), metaName(m.id), JSON.stringify(m))
export const removeMeta = async (id: string) => remove(await uploadsDir(), metaName(id))
export const removeSealed = async (id: string) => remove(await uploadsDir(), sealedName(id))

/** The sealed bytes; undefined where they are gone. */
export async function sealedBytes(id: string, size: number): Promise<File | undefined> {
  try {
    const f = await (await (await uploadsDir()).getFileHandle(sealedName(id))).getFile()
    return f.size === size ? f : undefined
  } catch {
    return undefined
  }
}

/** How long what somebody left is kept, for whoever shares the browser. */
const leftDays = 7

/** Whether nobody came back to it for so long. */
export const left = (m: Meta, now: number) => now - Date.parse((over(m.state) && m.ended) || m.created) >= leftDays * 86_400_000

/** Frees sealed bytes that nothing is said of, and uploads that nobody came back to. */
export async function sweep() {
  const dir = await uploadsDir()
  for (const name of (await names(dir)).filter((n) => n.endsWith('.json'))) {
    const m = await readJSON<Meta>(dir, name)
    if (m && left(m, Date.now())) await remove(dir, name)
  }
  const there = await names(dir)
  for (const name of there) {
    if (name.endsWith('.sealed') && !there.includes(metaName(name.slice(0, -'.sealed'.length)))) await remove(dir, name)
  }
}
