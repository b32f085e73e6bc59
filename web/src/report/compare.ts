// Two releases side by side: what changed from A to B, and how sure that is.
import { isRate, measuresOf, users, valueOf, type Measure } from './measures'
import { cellId, cellsOf, dimsOf, hasIndex, keyOf, receiptOf, type Interval, type Release } from './release'

/** Why two releases can't be laid side by side. */
export type Unfit = { reason: 'kind' | 'dims' | 'bands' }

/** Whether a difference has an interval: the noise of both is independent, they are one
 * table, they share a part, or what an interval holds is not noise alone. */
export type Noise = 'independent' | 'same' | 'shared' | 'chance'

export type Pair = { key: Record<string, string>; a?: Interval; b?: Interval; withheldA: boolean; withheldB: boolean; difference?: Interval; relative?: number }

export type Comparison = { measure: Measure; noise: Noise; pairs: Pair[]; alone: Record<string, string>[] }

/** Whether they can be compared at all. */
export function unfit(a: Release, b: Release): Unfit | undefined {
  if (a.report !== b.report) return { reason: 'kind' }
  const names = (r: Release) => dimsOf(r).map((d) => d.name).sort().join('\u0000')
  if (names(a) !== names(b)) return { reason: 'dims' }
  return bands(a, b).both.length === 0 ? { reason: 'bands' } : undefined
}

/** What can be compared: what both have. */
export function comparable(a: Release, b: Release): Measure[] {
  const all = (r: Release) => [users, ...measuresOf(r), ...(hasIndex(r) ? [{ name: 'index', kind: 'index' } as Measure] : [])]
  const other = new Set(all(b).map((m) => m.name))
  return all(a).filter((m) => other.has(m.name))
}

function bands(a: Release, b: Release) {
  const dims = dimsOf(a)
  const inB = new Map(cellsOf(b).map((c) => [cellId(keyOf(c), dims), c]))
  const both = cellsOf(a).filter((c) => inB.has(cellId(keyOf(c), dims)))
  const inA = new Set(cellsOf(a).map((c) => cellId(keyOf(c), dims)))
  const alone = [...cellsOf(a).filter((c) => !inB.has(cellId(keyOf(c), dims))), ...cellsOf(b).filter((c) => !inA.has(cellId(keyOf(c), dims)))].map(keyOf)
  return { dims, inB, both, alone }
}

/** How the noise of one lies to that of the other. The receipt names the tables that a
 * release is made of; two of one name are the same bytes. */
export function noiseOf(a: Release, b: Release, m: Measure): Noise {
  const [sa, sb] = [receiptOf(a).specs ?? [], receiptOf(b).specs ?? []]
  // Sizes out of one planning cube name the same table, and sum other cells of it.
  const one = sa.length > 0 && sa.length === sb.length && sa.every((s, i) => s === sb[i])
  if (one && JSON.stringify(cellsOf(a)) === JSON.stringify(cellsOf(b))) return 'same'
  if (a.report === 'lift') return 'chance'
  // The first is the table of people; an index or a rate may read any.
  const reads = (s: string[]) => (m.name === 'users' ? s.slice(0, 1) : s)
  const shared = reads(sa).some((s) => reads(sb).includes(s))
  return shared || sa.length === 0 || sb.length === 0 ? 'shared' : 'independent'
}

export function compare(a: Release, b: Release, m: Measure): Comparison {
  const noise = noiseOf(a, b, m)
  const { dims, inB, both, alone } = bands(a, b)
  const pairs = both.map((c): Pair => {
    const other = inB.get(cellId(keyOf(c), dims))!
    const [x, y] = [valueOf(c, m), valueOf(other, m)]
    const pair: Pair = { key: keyOf(c), withheldA: c.status !== 'released', withheldB: other.status !== 'released' }
    if (x) pair.a = x
    if (y) pair.b = y
    if (x && y) {
      if (noise === 'independent') pair.difference = difference(x, y, m)
      if (x.value > 0 && (noise === 'independent' || noise === 'shared')) pair.relative = y.value / x.value - 1
    }
    return pair
  })
  return { measure: m, noise, pairs, alone }
}

/** b − a with its 95 % interval, of two numbers whose noise is independent: half-widths
 * add as squares. An end that was cut off at 0 is as far away as the other end of it; a
 * quotient's ends lie differently far away, and each counts on its own side. */
export function difference(a: Interval, b: Interval, m: Measure): Interval {
  const value = b.value - a.value
  const up = (x: Interval) => x.high - x.value
  const down = (x: Interval) => (isRate(m) || m.kind === 'index' ? x.value - x.low : x.high - x.value)
  const low = value - Math.hypot(down(b), up(a))
  const high = value + Math.hypot(up(b), down(a))
  const whole = m.kind === 'people' || m.kind === 'count' || m.kind === 'thousandths'
  return whole ? { value, low: Math.floor(low), high: Math.ceil(high) } : { value, low, high }
}

export type Verdict = 'up' | 'down' | 'unclear' | 'unknown'

export const verdict = (p: Pair): Verdict => (!p.difference ? 'unknown' : p.difference.low > 0 ? 'up' : p.difference.high < 0 ? 'down' : 'unclear')

/** The terms in which the two questions differ. */
export function differing(a: Release, b: Release): string[] {
  const [qa, qb] = [a.question, b.question] as unknown as Record<string, unknown>[]
  const same = (x: unknown, y: unknown) => JSON.stringify(x ?? null) === JSON.stringify(y ?? null)
  const out = ['entrustment', 'campaign', 'list', 'where', 'categories', 'window'].filter((k) => !same(qa?.[k], qb?.[k]))
  if (!same(a.list_version, b.list_version)) out.push('list_version')
  if (a.privacy.sigma !== b.privacy.sigma) out.push('sigma')
  if (a.released_at !== b.released_at) out.push('released_at')
  return out
}
