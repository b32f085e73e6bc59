// A question as it is put together on the page, and as the API takes it (spec.yaml).
import type { Schemas } from '../../../api/client'
import type { Condition } from '../../../report/question'

export type Kind = 'overlap' | 'profile' | 'size' | 'cube' | 'behaviour' | 'reach-frequency' | 'delivery' | 'lift' | 'attribution'
export type Join = 'all' | 'any'

export type Row = { id: string; not: boolean } & (
  | { is: 'in'; attribute: string; values: string[] }
  | { is: 'between'; attribute: string; from: string; to: string }
  | { is: 'event'; category: string; times: number; days: number }
  | { is: 'list'; list: string }
)
/** Rows together, one level below the whole. */
export type Group = { id: string; is: 'group'; join: Join; rows: Row[] }
export type Item = Row | Group
export type Where = { join: Join; items: Item[] }

export type Model = 'last-touch' | 'first-last' | 'even' | 'time-decay'
export type Credit = { model: Model; click: number; view: number; half: number }

export type Draft = {
  kind: Kind
  entrustment: string
  campaign: string
  list: string
  dims: string[]
  where: Where
  /** A condition that the page has no fields for: it stays as it came. */
  kept?: Condition
  sigma: number
  from: string
  to: string
  measures: string[]
  categories: string[]
  credit: Credit
  total: boolean
  index: boolean
  recipient: string
  purpose: string
  /** How many people are expected to be counted; not part of the question. */
  expect: string
  /** Of 100 rows of the list, how many are assumed to be matched; not part of the question. */
  rate: string
}

export type Document = Schemas['Question']

export const ofCampaign = (k: Kind) => k === 'delivery' || k === 'lift' || k === 'attribution'
export const readsEvents = (k: Kind) => ofCampaign(k) || k === 'behaviour' || k === 'reach-frequency'
export const needsList = (k: Kind) => k === 'overlap' || k === 'profile' || k === 'size' || k === 'cube'
export const needsDims = (k: Kind) => k === 'profile' || k === 'cube'
export const hasDims = (k: Kind) => k !== 'size' && k !== 'lift' && k !== 'overlap'
export const hasWhere = (k: Kind) => k !== 'cube'
export const hasTotal = (k: Kind) => k !== 'size' && k !== 'lift' && k !== 'cube' && k !== 'attribution' && k !== 'behaviour'

/** Dimensions of a kind that are no attributes. */
export const ownDims = (k: Kind): string[] => (k === 'behaviour' ? ['category', 'day', 'week'] : k === 'delivery' ? ['day', 'week'] : [])

/** Measures that a kind may have beside people. */
export function measuresOf(k: Kind): string[] {
  switch (k) {
    case 'behaviour':
      return ['events', 'impressions', 'clicks', 'conversions', 'spend', 'cost']
    case 'reach-frequency':
    case 'delivery':
      return ['impressions', 'clicks', 'conversions', 'spend', 'cost']
    case 'attribution':
      return ['credits']
    default:
      return []
  }
}

/** The precision that a kind has where none is named. */
export const usualSigma = (k: Kind) => (k === 'size' ? 50 : 10)

export const credit: Credit = { model: 'last-touch', click: 30, view: 7, half: 7 }

export function blank(kind: Kind): Draft {
  return {
    kind, entrustment: '', campaign: '', list: '', dims: [], where: { join: 'all', items: [] }, sigma: 0, from: '', to: '', measures: [], categories: [],
    credit: { ...credit }, total: false, index: false, recipient: '', purpose: '', expect: '', rate: '',
  }
}

let last = 0
/** A name of a row on the page. */
export const rowID = () => `row-${Date.now().toString(36)}-${last++}`

/** Whether a row says something yet. */
export function says(r: Row): boolean {
  switch (r.is) {
    case 'in':
      return r.attribute !== '' && r.values.length > 0
    case 'between':
      return r.attribute !== '' && r.from !== '' && r.to !== ''
    case 'event':
      return r.category !== '' && r.times >= 1 && r.days >= 1
    case 'list':
      return r.list !== ''
  }
}

function conditionOf(r: Row): Condition {
  const c: Condition =
    r.is === 'in'
      ? { in: { [r.attribute]: r.values } }
      : r.is === 'between'
        ? { between: { [r.attribute]: [r.from, r.to] } }
        : r.is === 'event'
          ? { event: { category: r.category, at_least: r.times, within: `${r.days}d` } }
          : { list: r.list }
  return r.not ? { not: c } : c
}

const joined = (join: Join, cs: Condition[]): Condition | undefined => (cs.length === 0 ? undefined : cs.length === 1 ? cs[0] : { [join]: cs })

/** The condition of a question; undefined: everybody. Rows that say nothing yet count for nothing. */
export function whereOf(w: Where): Condition | undefined {
  const parts = w.items.map((i) => (i.is === 'group' ? joined(i.join, i.rows.filter(says).map(conditionOf)) : says(i) ? conditionOf(i) : undefined))
  return joined(w.join, parts.filter((c) => c !== undefined))
}

const days = (d: string | number | undefined, or: number) => (d === undefined ? or : Number(String(d).replace(/d$/, '')) || or)

function rowOf(c: Condition, not = false): Row | undefined {
  const at = { id: rowID(), not }
  if (c.not) return not || c.not.not ? undefined : rowOf(c.not, true)
  const [a, values] = Object.entries(c.in ?? {})[0] ?? []
  if (a && values) return { ...at, is: 'in', attribute: a, values }
  const [b, bounds] = Object.entries(c.between ?? {})[0] ?? []
  if (b && bounds) return { ...at, is: 'between', attribute: b, from: bounds[0] ?? '', to: bounds[1] ?? '' }
  if (c.event && /^\d+d?$/.test(String(c.event.within))) return { ...at, is: 'event', category: c.event.category, times: c.event.at_least, days: days(c.event.within, 30) }
  if (c.list) return { ...at, is: 'list', list: c.list }
  return undefined
}

/** The fields that a condition fills; undefined: it is deeper than they are. */
export function whereFrom(c: Condition | undefined): Where | undefined {
  if (!c) return { join: 'all', items: [] }
  const join: Join = c.any ? 'any' : 'all'
  const items: Item[] = []
  for (const part of c.all ?? c.any ?? [c]) {
    const inner = part.all ?? part.any
    if (!inner) {
      const row = rowOf(part)
      if (!row) return undefined
      items.push(row)
      continue
    }
    const rows = inner.map((r) => rowOf(r))
    if (rows.some((r) => !r)) return undefined
    items.push({ id: rowID(), is: 'group', join: part.any ? 'any' : 'all', rows: rows as Row[] })
  }
  return { join, items }
}

/** The question as the API takes it. What a kind does not have is left out, whatever was chosen before. */
export function toDocument(d: Draft): Document {
  const q: Document = { schema: 'awase.report/v1', report: d.kind, entrustment: d.entrustment }
  if (ofCampaign(d.kind)) q.campaign = d.campaign
  else if (d.list) q.list = d.list
  if (hasDims(d.kind) || d.kind === 'overlap') if (d.dims.length) q.dims = d.dims
  const where = hasWhere(d.kind) ? (d.kept ?? whereOf(d.where)) : undefined
  if (where) q.where = where as Document['where']
  if (d.sigma) q.sigma = d.sigma
  if (d.from && d.to) q.window = { from: d.from, to: d.to }
  const measures = d.measures.filter((m) => measuresOf(d.kind).includes(m))
  if (measures.length) q.measures = ['users', ...measures]
  if (readsEvents(d.kind) && d.categories.length) q.categories = d.categories
  if (d.kind === 'attribution') {
    q.attribution = { model: d.credit.model, click: `${d.credit.click}d`, view: `${d.credit.view}d` }
    if (d.credit.model === 'time-decay') q.attribution.half_life = `${d.credit.half}d`
  }
  if (d.total && hasTotal(d.kind)) q.total = true
  if (d.index && d.kind === 'profile') q.index = true
  if (d.recipient) q.recipient = d.recipient
  if (d.purpose) q.purpose = d.purpose as Document['purpose']
  return q
}

/** What fields a question fills: of a report, a schedule, a job. */
export function fromDocument(q: Document): Draft {
  const where = whereFrom(q.where)
  const a = q.attribution
  return {
    ...blank(q.report),
    entrustment: q.entrustment,
    campaign: q.campaign ?? '',
    list: q.campaign ? '' : (q.list ?? ''),
    // The answer names touch and frequency, which the question has anyway.
    dims: (q.dims ?? []).filter((n) => n !== 'touch' && n !== 'frequency'),
    where: where ?? { join: 'all', items: [] },
    ...(where ? {} : { kept: q.where }),
    sigma: q.sigma ?? 0,
    from: q.window?.from ?? '',
    to: q.window?.to ?? '',
    measures: (q.measures ?? []).filter((m) => m !== 'users'),
    categories: q.categories ?? [],
    credit: a ? { model: a.model ?? 'last-touch', click: days(a.click, 30), view: days(a.view, 7), half: days(a.half_life, 7) } : { ...credit },
    total: q.total ?? false,
    index: q.index ?? false,
    recipient: q.recipient ?? '',
    purpose: q.purpose ?? '',
  }
}

export type Lack = 'entrustment' | 'list' | 'campaign' | 'dims' | 'window'

/** What a question lacks before the room can be asked for its price. */
export function lacks(d: Draft): Lack[] {
  const out: Lack[] = []
  if (!d.entrustment) out.push('entrustment')
  if (needsList(d.kind) && !d.list) out.push('list')
  if (ofCampaign(d.kind) && !d.campaign) out.push('campaign')
  if (needsDims(d.kind) && d.dims.length === 0) out.push('dims')
  if (!!d.from !== !!d.to || (d.from && d.to && d.from > d.to)) out.push('window')
  return out
}

/** The attributes that a condition reads, and whether it reads nothing else. */
export function readsOnly(c: Condition | undefined): { attributes: string[]; only: boolean } {
  const attributes = new Set<string>()
  let only = true
  const walk = (n: Condition) => {
    for (const k of [...Object.keys(n.in ?? {}), ...Object.keys(n.between ?? {})]) attributes.add(k)
    if (n.event || n.list) only = false
    for (const m of [...(n.all ?? []), ...(n.any ?? []), ...(n.not ? [n.not] : [])]) walk(m)
  }
  if (c) walk(c)
  return { attributes: [...attributes], only }
}
