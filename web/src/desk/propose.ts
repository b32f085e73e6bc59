// What each column of a list is proposed to be: from what the first rows show, what the
// contract lets, and what the room knows of the version before. Nothing more is sent than
// is seen to be wanted.
import { isPrefecture } from '../report/prefectures'
import type { ListColumn, Preview, PreviewColumn } from './protocol'
import { isKind, type Allowed, type Choice, type How } from './schema'

export function proposed(p: Preview, may: Allowed): Choice[] {
  const taken = new Set<string>()
  const out = p.columns.map((c) => seen(p, c, may))
  // A header that says an attribute's name comes before values that look like one's.
  for (const as of [byName, byValues])
    p.columns.forEach((c, i) => {
      if (out[i]) return
      const value = as(c, may)
      if (!value || (value.name && taken.has(value.name))) return
      if (value.name) taken.add(value.name)
      out[i] = value
    })
  return out.map((c) => c ?? { use: 'drop' })
}

/** What a column is whatever attributes there are; undefined: it may be one. */
function seen(p: Preview, c: PreviewColumn, may: Allowed): Choice | undefined {
  if (isKind(c.use)) return may.identifiers.includes(c.use) ? { use: c.use } : { use: 'drop' }
  if (c.use === 'consent') return { use: 'consent' }
  if (c.use === 'open') return { use: 'open' }
  if (c.use.startsWith('value ')) {
    const declared = p.schema.columns.find((k) => k.column === c.name && k.name)
    if (declared) return ofColumn(declared)
  }
  return undefined
}

/** Whose header is an attribute of the contract. One whose values can't be proposed is
 * left here, and says that it could be sent. */
function byName(c: PreviewColumn, may: Allowed): Choice | undefined {
  if (!c.suggested || !may.columns.includes(c.suggested)) return undefined
  const value = asValue(c, may, c.suggested)
  return fits(c, may, value) ? { ...value, ground: 'named' } : { use: 'drop', ground: 'namedOnly' }
}

/** Whose values are all those of an attribute that the list had. */
function byValues(c: PreviewColumn, may: Allowed): Choice | undefined {
  if (!c.values?.length) return undefined
  const before = may.before.find((b) => may.columns.includes(b.name) && unlisted(c, { use: 'value', values: b.domain }).length === 0)
  return before && { ...asValue(c, may, before.name), ground: 'asBefore' }
}

const listed = (domain: string[]) => domain.filter((v) => v !== 'unknown')

/** A column as an attribute: with the values that the list had of it, else its own. */
export function asValue(c: PreviewColumn, may: Allowed, name: string | undefined): Choice {
  const before = may.before.find((b) => b.name === name)
  if (!before) return { use: 'value', name, how: 'values', values: c.values }
  if (before.domain.filter(isPrefecture).length === 47) return { use: 'value', name, how: 'prefecture' }
  return { use: 'value', name, how: 'values', values: listed(before.domain) }
}

/** Whether a column may be proposed so: by values that the list had, of which it has some;
 * else by two of its own or more, for one alone tells nobody from anybody. */
function fits(c: PreviewColumn, may: Allowed, value: Choice): boolean {
  if (value.how === 'prefecture') return true
  const own = c.values ?? []
  if (!may.before.some((b) => b.name === value.name)) return own.length > 1
  if (own.length > 0) return unlisted(c, value).length < own.length
  // Bands were made of days or ages, of which the file may have either.
  return !value.values?.some((v) => /^<\d+$/.test(v))
}

/** Values are compared as the room does: whatever their width and case. */
const fold = (v: string) => v.normalize('NFKC').trim().replace(/[A-Z]/g, (l) => l.toLowerCase())

/** Values of several of the first rows that are not among those that are listed: they
 * count as unknown. */
export function unlisted(c: PreviewColumn, is: Choice): string[] {
  if (is.use !== 'value' || (is.how ?? 'values') !== 'values') return []
  const domain = new Set((is.values ?? []).map(fold))
  return (c.values ?? []).filter((v) => !domain.has(fold(v)))
}

function ofColumn(c: ListColumn): Choice {
  const g = c.generalise
  const how: How = !g ? 'values' : 'prefecture' in g ? 'prefecture' : 'region' in g ? 'region' : 'age' in g ? 'age' : 'birth_date'
  return { use: 'value', name: c.name, how, values: c.values }
}
