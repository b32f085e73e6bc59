// What the columns of a list are to be: from what somebody chose, or agreed to, to
// list.yaml.
import type { Change, Generaliser, Kind, ListSchema, Preview, PreviewColumn } from './protocol'

export const kinds: Kind[] = ['email', 'phone', 'cookie', 'maid']

/** open: somebody has to say what it is before the list loads. */
export type Use = Kind | 'value' | 'consent' | 'key' | 'drop' | 'open'
export type How = 'values' | 'prefecture' | 'region' | 'birth_date' | 'age'

export type Choice = {
  use: Use
  /** Of a cookie. */
  namespace?: string
  /** Of a value: its name in the contract, and how it is read. */
  name?: string
  how?: How
  values?: string[]
  /** Why it is proposed, where the first rows alone don't say so: its header is the
   * attribute's name, and the values can be proposed or not; it has the values that the
   * list had; it was sent so before. */
  ground?: 'named' | 'namedOnly' | 'asBefore' | 'kept'
}

/** What the contract lets a list hold. */
export type Allowed = {
  identifiers: string[]
  columns: string[]
  /** Deliveries are made out to the party's own keys. */
  delivers: boolean
  /** Columns that the list had before, with their values. */
  before: { name: string; domain: string[] }[]
}

export const isKind = (s: string): s is Kind => kinds.includes(s as Kind)

const bands = { width: 5, from: 20, to: 70 }
const generalise: Record<Exclude<How, 'values'>, Generaliser> = { prefecture: { prefecture: true }, region: { region: true }, birth_date: { birth_date: bands }, age: { age: bands } }

export type Lack = 'identifier' | 'open' | 'consents' | 'keys' | 'namespace' | 'name' | 'values' | 'twice' | 'unnamed'

/** What is still to be said before the list can be checked, first things first. */
export function lacks(p: Preview, choices: Choice[]): { lack: Lack; column: number }[] {
  const out: { lack: Lack; column: number }[] = []
  const named = new Set<string>()
  choices.forEach((c, i) => {
    const column = p.columns[i]
    if (!column) return
    if (c.use === 'open') out.push({ lack: 'open', column: i })
    if (c.use !== 'drop' && column.name === '') out.push({ lack: 'unnamed', column: i })
    if (c.use === 'cookie' && !c.namespace?.trim()) out.push({ lack: 'namespace', column: i })
    if (c.use !== 'value') return
    if (!c.name) out.push({ lack: 'name', column: i })
    else if (named.has(c.name)) out.push({ lack: 'twice', column: i })
    else named.add(c.name)
    if ((c.how ?? 'values') === 'values' && !c.values?.length) out.push({ lack: 'values', column: i })
  })
  const more = (use: Use) => choices.map((c, i) => (c.use === use ? i : -1)).filter((i) => i >= 0)[1]
  const consents = more('consent')
  if (consents !== undefined) out.push({ lack: 'consents', column: consents })
  const keys = more('key')
  if (keys !== undefined) out.push({ lack: 'keys', column: keys })
  if (!choices.some((c) => isKind(c.use))) out.push({ lack: 'identifier', column: -1 })
  return out
}

/** The list.yaml of the choices. */
export function schemaOf(p: Preview, choices: Choice[]): ListSchema {
  const out: ListSchema = { schema: 'awase.list/v1', region: p.schema.region ?? 'JP', columns: [] }
  const drop: string[] = []
  p.columns.forEach((c, i) => {
    const is = choices[i] ?? { use: 'drop' }
    if (isKind(is.use)) {
      const profile = p.schema.columns.find((k) => k.column === c.name && k.kind === is.use)?.profile
      out.columns.push({ column: c.name, kind: is.use, ...(is.use === 'cookie' ? { namespace: is.namespace?.trim() } : {}), ...(profile ? { profile } : {}) })
    } else if (is.use === 'value') {
      const how = is.how ?? 'values'
      out.columns.push({ column: c.name, name: is.name, ...(how === 'values' ? { values: is.values } : { generalise: generalise[how] }) })
    } else if (is.use === 'consent') out.consent = { column: c.name }
    else if (is.use === 'key') out.user_key = c.name
    else if (c.name !== '' && !drop.includes(c.name)) drop.push(c.name)
  })
  // A name that stands twice in the header and is used once is used.
  const used = new Set([...out.columns.map((c) => c.column), out.consent?.column, out.user_key])
  const left = drop.filter((d) => !used.has(d))
  if (left.length > 0) out.drop = left
  return out
}

export type Sent = 'hash' | 'asIs' | 'both' | 'emptyColumn' | 'position' | 'key' | 'consent' | 'nothing' | 'undecided'

/** In what form a column's cells are in the sealed file. */
export function sentAs(c: PreviewColumn, is: Choice, change: Change): Sent {
  switch (is.use) {
    case 'drop':
      return 'nothing'
    case 'open':
      return 'undecided'
    case 'consent':
      return change === 'remove' ? 'nothing' : 'consent'
    case 'value':
      return change === 'remove' ? 'nothing' : 'position'
    case 'key':
      return change === 'remove' ? 'nothing' : 'key'
    default:
      if (c.filled === 0) return 'emptyColumn'
      if (c.hashed === 0) return 'hash'
      return c.hashed === c.filled ? 'asIs' : 'both'
  }
}

/** The JST day, as yyyy-mm-dd. */
export function today(now = new Date()): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Tokyo', year: 'numeric', month: '2-digit', day: '2-digit' }).format(now)
}
