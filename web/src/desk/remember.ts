// What the columns of a list were taken for when it was last sent from this browser, by
// the names in its header: no value, no sample, nothing of a file whose first line isn't
// plainly a header, as it may be a person. It is of one person, and forgotten with them
// (api/whose).
import { ownKey } from '../api/whose'
import type { Preview } from './protocol'
import { asValue } from './propose'
import { isKind, kinds, type Allowed, type Choice, type How, type Use } from './schema'

type Store = Pick<Storage, 'getItem' | 'setItem'>
type Of = { entrustment: string; list: string }
type Taken = { column: string; use: Use; name?: string; how?: How; namespace?: string }
type Kept = Of & { at: string; columns: Taken[] }

/** How many are kept, and how long without being used. */
const most = 40
const days = 180

const uses: Use[] = [...kinds, 'value', 'consent', 'key', 'drop']

function read(store: Store, person: string, now: number): Kept[] {
  try {
    const all: unknown = JSON.parse(store.getItem(ownKey(person, 'columns')) ?? '[]')
    return (Array.isArray(all) ? (all as Kept[]) : []).filter((k) => Array.isArray(k?.columns) && k.columns.every((c) => typeof c?.column === 'string') && now - Date.parse(k.at) < days * 86_400_000)
  } catch {
    return [] // damaged, or a browser that keeps nothing
  }
}

const header = (names: string[]) => JSON.stringify([...names].sort())
const same = (k: Kept, of: Of, names: string[]) => k.entrustment === of.entrustment && k.list === of.list && header(k.columns.map((c) => c.column)) === header(names)

/** Keeps what the columns of a list that is sent are taken for. */
export function remember(store: Store, person: string, of: Of, p: Preview, choices: Choice[], now = Date.now()) {
  if (!p.headed || !person) return
  const columns = p.columns.map((c, i): Taken => {
    const is = choices[i] ?? { use: 'drop' }
    if (is.use === 'value') return { column: c.name, use: is.use, name: is.name, how: is.how }
    return { column: c.name, use: is.use, ...(is.use === 'cookie' ? { namespace: is.namespace } : {}) }
  })
  const others = read(store, person, now).filter((k) => !same(k, of, columns.map((c) => c.column)))
  try {
    store.setItem(ownKey(person, 'columns'), JSON.stringify([{ entrustment: of.entrustment, list: of.list, at: new Date(now).toISOString(), columns }, ...others].slice(0, most)))
  } catch {
    // No room for it: the next version is proposed as any list.
  }
}

/** The choices by which a list of the same header was sent, where the contract lets them
 * still; a column that it does not is as proposed. undefined: none was. */
export function remembered(store: Store, person: string, of: Of, p: Preview, may: Allowed, proposals: Choice[], now = Date.now()): Choice[] | undefined {
  if (!p.headed) return undefined
  const kept = read(store, person, now).find((k) => same(k, of, p.columns.map((c) => c.name)))
  if (!kept) return undefined
  const left = [...kept.columns]
  return p.columns.map((c, i) => {
    const [was] = left.splice(left.findIndex((k) => k.column === c.name), 1)
    const is = was && as(was, p, i, may)
    const would = proposals[i] ?? { use: 'drop' as Use }
    // Consent is never merely dropped, whatever it was once: those who said no would be taken in.
    if (!is || (is.use === 'drop' && (would.use === 'consent' || would.use === 'open'))) return would
    // What would be proposed anyway says why by itself.
    return { ...is, ground: is.use === would.use && is.name === would.name ? would.ground : ('kept' as const) }
  })
}

/** Its values are the room's of the version before, or the file's own: none were kept. */
function as(was: Taken, p: Preview, i: number, may: Allowed): Choice | undefined {
  const column = p.columns[i]
  if (!column || !uses.includes(was.use)) return undefined
  if (isKind(was.use)) return may.identifiers.includes(was.use) ? { use: was.use, ...(was.namespace ? { namespace: was.namespace } : {}) } : undefined
  if (was.use === 'key') return may.delivers ? { use: 'key' } : undefined
  if (was.use !== 'value') return { use: was.use }
  if (!was.name || !may.columns.includes(was.name)) return undefined
  const value = asValue(column, may, was.name)
  return was.how && was.how !== 'values' ? { ...value, how: was.how } : value
}
