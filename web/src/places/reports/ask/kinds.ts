// The standard reports: what each needs of a contract, and what it begins with.
import type { Schemas } from '../../../api/client'
import { mayAsk, newest, readerOf, type Contract, type Info } from '../../entrustments/contract'
import { blank, ofCampaign, type Draft, type Kind } from './question'

export const standards = ['overlap', 'profile', 'index', 'regions', 'tier', 'size', 'cube', 'behaviour', 'trend', 'reach-frequency', 'delivery', 'funnel', 'lift', 'attribution'] as const
export type Standard = (typeof standards)[number]

export const isStandard = (s: string): s is Standard => (standards as readonly string[]).includes(s)

/** How they stand in the gallery. */
export const shelves: { name: 'who' | 'did' | 'plan' | 'campaign'; of: Standard[] }[] = [
  { name: 'who', of: ['overlap', 'profile', 'index', 'regions', 'tier'] },
  { name: 'did', of: ['behaviour', 'trend', 'reach-frequency'] },
  { name: 'plan', of: ['size', 'cube'] },
  { name: 'campaign', of: ['delivery', 'funnel', 'lift', 'attribution'] },
]

const kinds: Partial<Record<Standard, Kind>> = { index: 'profile', regions: 'profile', tier: 'profile', trend: 'behaviour', funnel: 'delivery' }
export const kindOf = (s: Standard): Kind => kinds[s] ?? (s as Kind)

/** The standard report that fields of a kind stand under. */
export const standardOf = (kind: Kind): Standard => kind

const people = ['age_band', 'gender']

/** What a standard report begins with under a contract. */
export function start(s: Standard, c: Contract, campaign?: Schemas['Campaign']): Draft {
  const d = { ...blank(kindOf(s)), entrustment: c.id, campaign: ofCampaign(kindOf(s)) ? (campaign?.id ?? '') : '' }
  const has = (names: string[]) => names.filter((n) => c.attributes.includes(n))
  const some = (names: string[]) => (has(names).length ? has(names) : c.attributes.slice(0, 1))
  switch (s) {
    case 'overlap':
      return { ...d, dims: ['matched_by'], total: true }
    case 'profile':
      return { ...d, dims: some(people) }
    case 'index':
      return { ...d, dims: some(people), index: true }
    case 'regions':
      return { ...d, dims: has(['prefecture', 'region']).slice(0, 1) }
    case 'tier':
      return { ...d, dims: (c.list_columns ?? []).slice(0, 1) }
    case 'cube':
      return { ...d, dims: some([...people, 'prefecture']), sigma: 20 }
    case 'behaviour':
      return { ...d, dims: ['category'], measures: ['events'] }
    case 'trend':
      return { ...d, dims: ['week'], categories: (c.events ?? []).slice(0, 1), measures: ['events'] }
    case 'reach-frequency':
      return { ...d, measures: ['impressions'] }
    case 'delivery':
      return { ...d, dims: has(['age_band']), measures: ['clicks', 'conversions'] }
    case 'funnel':
      return { ...d, measures: ['impressions', 'clicks', 'conversions'] }
    case 'attribution':
      return { ...d, measures: ['credits'] }
    default:
      return d
  }
}

export type WhyNot = 'none' | 'over' | 'output' | 'attributes' | 'columns' | 'events' | 'campaign' | 'holdout' | 'asker'

/** Why a standard report can't be asked under a contract; undefined: it can. */
export function whyNot(s: Standard, e: Info, party: string, campaigns: Schemas['Campaign'][]): WhyNot | undefined {
  const c = newest(e)
  const kind = kindOf(s)
  if (e.state !== 'active') return 'over'
  if (!mayAsk(c, party)) return 'asker'
  if (!c.outputs.includes(kind)) return 'output'
  if ((kind === 'profile' || kind === 'cube') && c.attributes.length + (c.list_columns ?? []).length === 0) return 'attributes'
  if (s === 'regions' && !c.attributes.some((a) => a === 'prefecture' || a === 'region')) return 'attributes'
  if (s === 'tier' && (c.list_columns ?? []).length === 0) return 'columns'
  if ((kind === 'behaviour' || kind === 'reach-frequency' || ofCampaign(kind)) && (c.events ?? []).length === 0) return 'events'
  if (ofCampaign(kind)) {
    const own = campaigns.filter((m) => m.entrustment === e.id && m.version > 0)
    if (own.length === 0) return 'campaign'
    if (s === 'lift' && !own.some((m) => holdout(m) > 0)) return 'holdout'
  }
  return undefined
}

export const holdout = (m: Schemas['Campaign']) => Number((m.document as { holdout?: number }).holdout ?? 0)

// What somebody could mend goes before what lies in the contract.
const nearest: WhyNot[] = ['campaign', 'holdout', 'events', 'columns', 'attributes', 'output', 'asker', 'over', 'none']

/** Under which entrustments a standard report can be asked, and why not under any. */
export function offered(s: Standard, all: Info[], party: string, campaigns: Schemas['Campaign'][]): { under: Info[]; why?: WhyNot } {
  // Those whose results are one's own go first, and of them that which lets most be asked.
  const width = (e: Info) => (readerOf(newest(e)) === party ? 10_000 : 0) + newest(e).outputs.length * 100 + newest(e).attributes.length
  const under = all.filter((e) => whyNot(s, e, party, campaigns) === undefined).sort((a, b) => width(b) - width(a))
  if (under.length) return { under }
  const reasons = new Set(all.map((e) => whyNot(s, e, party, campaigns)))
  return { under, why: nearest.find((r) => reasons.has(r)) ?? 'none' }
}
