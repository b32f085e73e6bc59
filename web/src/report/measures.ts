// What numbers a release holds, and of which kind each is.
import { cellsOf, hasIndex, type Cell, type Interval, type Release, type Sum } from './release'

/** How a number is written: people, a count of events, whole yen, thousandths of a
 * conversion, a share of 1, an average with two places, an index around 100. */
export type Kind = 'people' | 'count' | 'yen' | 'thousandths' | 'share' | 'average' | 'index'

export type Measure = { name: string; kind: Kind }

const kinds: Record<string, Kind> = {
  users: 'people',
  converters: 'people',
  spend: 'yen',
  cost: 'yen',
  credits: 'thousandths',
  index: 'index',
  click_rate: 'share',
  conversion_rate: 'share',
  spend_per_user: 'yen',
  cost_per_click: 'yen',
  cost_per_result: 'yen',
  events_per_user: 'average',
  average_frequency: 'average',
}

export const users: Measure = { name: 'users', kind: 'people' }

/** The measure of a name; one we don't know is a count, or, of a rate, an average. */
export const measure = (name: string, rate = false): Measure => ({ name, kind: kinds[name] ?? (rate ? 'average' : 'count') })

/** A quotient of sums: it can't be stacked or summed. */
export const isRate = (m: Measure) => m.kind === 'share' || m.kind === 'average' || /_per_/.test(m.name)

type Row = Pick<Cell, 'users' | 'sums' | 'rates'> | Sum

/** The number of a row; undefined: it has none. */
export function valueOf(row: Row, m: Measure): Interval | undefined {
  if (m.name === 'users') return row.users
  if (m.name === 'index') return (row as Cell).index
  return row.sums?.[m.name] ?? row.rates?.[m.name]
}

/** The measures beside users that a row of the release has a number of, in its order. */
export function measuresOf(r: Release): Measure[] {
  const rows: Row[] = [...cellsOf(r), ...[r.other, r.total, r.base].filter((s) => s !== undefined)]
  const all = [...(r.measures ?? []).map((n) => measure(n)), ...(r.rates ?? []).map((n) => measure(n, true))]
  return all.filter((m) => rows.some((row) => valueOf(row, m)))
}

/** What can be drawn: a number that at least one cell has. */
export function drawable(r: Release): Measure[] {
  const all = [users, ...measuresOf(r), ...(hasIndex(r) ? [{ name: 'index', kind: 'index' } as Measure] : [])]
  return all.filter((m) => cellsOf(r).some((c) => valueOf(c, m)))
}
