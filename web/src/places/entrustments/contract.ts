// A contract as the API gives it (docs/documents.md), and what it lets whom do.
import type { Schemas } from '../../api/client'

export type Info = Schemas['EntrustmentInfo']

export type Basis = { party: string; code: string; policy?: string; clauses?: string[]; scope?: string; evidence?: string; from?: string; until?: string }
export type Country = { country: string; ground?: string; evidence?: string }
export type SubTrustee = { party: string; work?: string[]; from?: string; until?: string }

export type Contract = {
  id: string
  flow: string
  runs?: string
  principal: string
  trustee: string
  purpose: string
  basis: Basis[]
  identifiers: string[]
  attributes: string[]
  list_columns?: string[]
  events?: string[]
  outputs: string[]
  recipients: string[]
  sub_trustees?: SubTrustee[]
  deliver_attributes?: string[]
  deliver_identifiers?: string[]
  service?: string
  host_trust_accepted?: boolean
  max_list_rows?: number
  countries: Record<string, Country | string>
  retention: { lists?: string; events?: string; reports?: string; deliveries?: string }
  from: string
  until: string
}

export const termsOf = (v: Info['versions'][number]) => v.contract as unknown as Contract

/** The newest contract of an entrustment. */
export const newest = (e: Info): Contract => termsOf(e.versions[0]!)

export const over = (e: Info) => e.state === 'ended' || e.state === 'destroyed'

/** The flow whose rules apply: of outsourcing, the one that is run. */
export const flowOf = (c: Contract) => c.runs || c.flow

/** Whether people of a party ask questions under a contract: those of its trustee, of
 * sub-trustees whose work it is, of its recipients and, but for the operator's own
 * improvement, of its principal (docs/flows.md). */
export function mayAsk(c: Contract, party: string): boolean {
  return (
    party === c.trustee ||
    c.recipients.includes(party) ||
    (party === c.principal && flowOf(c) !== '5-improvement') ||
    (c.sub_trustees ?? []).some((s) => s.party === party && (s.work ?? []).includes('ask'))
  )
}

/** Everybody who is in a contract, each once. */
export function partiesOf(c: Contract): string[] {
  return [...new Set([c.principal, c.trustee, ...c.basis.map((b) => b.party), ...c.recipients, ...(c.sub_trustees ?? []).map((s) => s.party)])]
}

/** Whose users are joined with the operator's: that party uploads. */
export function uploader(c: Contract): string {
  if (c.flow !== '5-outsourcing') return c.flow.startsWith('2-') ? c.trustee : c.principal
  return c.basis.find((b) => b.party !== c.principal)?.party ?? c.principal
}

/** Who reads results where a question names nobody: the only recipient, or the one to whom
 * the flow gives aggregates. Whoever asks, that party's budget pays. */
export function readerOf(c: Contract): string {
  if (c.recipients.length === 1) return c.recipients[0]!
  if (c.flow === '5-outsourcing') return flowOf(c) === '5-improvement' || flowOf(c).startsWith('2-') ? c.principal : uploader(c)
  return flowOf(c) === '5-improvement' ? c.trustee : c.principal
}

/** Whole days of Japan from now until a moment; 0: it is over. */
export const daysLeft = (until: string, now: Date) => Math.max(0, Math.ceil((Date.parse(until) - now.getTime()) / 86_400_000))

/** The moment at which a day of Japan is over. */
export const endOf = (day: string) => new Date(Date.parse(`${day}T00:00:00+09:00`) + 86_400_000).toISOString()
