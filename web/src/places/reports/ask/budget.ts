// Budgets: what is spent, what a question takes, what is left, and when it comes back.
import type { Schemas } from '../../../api/client'
import { toDocument, type Document, type Draft } from './question'

export type Price = Schemas['Price']
export type Ledger = Schemas['Ledger']
export type Account = { recipient: string; owner: string; window: '30d' | '365d'; spent: number; limit: number; due: number }

export type Forecast = { people: number; stated: boolean; withheld: number; missing?: string[]; unknown?: string[] }
export type Short = { detail: string; mend: string }

export const accountsOf = (p: Price) => (p.accounts ?? []) as unknown as Account[]
export const tablesOf = (p: Price) => p.tables as unknown as { name: string; rho: number; paid: boolean }[]
export const forecastOf = (p: Price) => p.forecast as unknown as Forecast | undefined
/** Whether a forecast says how many cells will be withheld. */
export const foretold = (f: Forecast | undefined): f is Forecast => !!f && (f.missing ?? []).length + (f.unknown ?? []).length === 0
export const shortOf = (p: Price) => p.short as unknown as Short | undefined
export const stoppedOf = (p: Price) => p.stopped as unknown as Short | undefined

// Prices are sums of nano-units: so much is no price, only how floats add up.
const tiny = 5e-10

export const leftOf = (a: Account) => Math.max(0, a.limit - a.spent)
export const fits = (a: Account) => a.due <= a.limit - a.spent + tiny

/** The account that decides: one that the question does not fit before others, else the
 * one of which the question leaves the smallest share. */
export function tightest(accounts: Account[]): Account | undefined {
  const after = (a: Account) => (a.limit - a.spent - a.due) / a.limit
  return [...accounts].sort((a, b) => Number(fits(a)) - Number(fits(b)) || after(a) - after(b))[0]
}

/** Shares of a budget as a bar draws them; together never more than 1. */
export function bar(a: Account): { spent: number; now: number; left: number; overdrawn: boolean } {
  const spent = Math.min(1, Math.max(0, a.spent / a.limit))
  const now = Math.min(1 - spent, a.due / a.limit)
  return { spent, now, left: Math.max(0, 1 - spent - now), overdrawn: !fits(a) }
}

export type Back = { at: string; amount: number }

/** What comes back to an account and when, soonest first, a day of Japan in one: charges
 * that slide out of its window, and what is put aside and not used. */
export function returns(ledger: Ledger, a: Pick<Account, 'recipient' | 'owner' | 'window'>): Back[] {
  const account = ledger.accounts.find((l) => l.recipient === a.recipient && l.owner === a.owner)
  if (!account) return []
  const each: Back[] = account.charges.map((c) => ({ at: a.window === '30d' ? c.back_30d : c.back_365d, amount: c.rho }))
  for (const h of account.held ?? []) each.push({ at: h.until, amount: h.rho })
  const days = new Map<string, Back>()
  for (const b of each.filter((b) => b.amount > 0 && b.at).sort((x, y) => Date.parse(x.at) - Date.parse(y.at))) {
    const day = new Date(Date.parse(b.at) + 9 * 3600_000).toISOString().slice(0, 10)
    const was = days.get(day)
    // The later moment: by then all of the day's is back.
    days.set(day, { at: b.at, amount: (was?.amount ?? 0) + b.amount })
  }
  return [...days.values()]
}

/** When a question fits an account if nothing else is asked until then; undefined: it
 * fits now, or no wait helps. */
export function fitsAt(ledger: Ledger, a: Account): string | undefined {
  if (fits(a)) return undefined
  let left = a.limit - a.spent
  for (const b of returns(ledger, a)) {
    left += b.amount
    if (a.due <= left + tiny) return b.at
  }
  return undefined
}

/** When a question fits all its accounts. */
export function fitsAllAt(ledger: Ledger, accounts: Account[]): string | undefined {
  const short = accounts.filter((a) => !fits(a))
  const when = short.map((a) => fitsAt(ledger, a))
  if (short.length === 0 || when.some((w) => !w)) return undefined
  return when.sort().at(-1)
}

/** Half the width of the interval at another precision: the noise is in proportion. */
export const precisionAt = (p: Pick<Price, 'terms'>, sigma: number) => Math.ceil(1.96 * sigma * Math.sqrt(p.terms))

export type Way = { what: 'sigma' | 'index' | 'total' | 'measure'; name: string; draft: Draft }

/** The share of cells that will probably be withheld; 0: nobody knows. */
export const hiddenShare = (p: Price) => {
  const f = forecastOf(p)
  return foretold(f) ? Math.min(1, f.withheld / p.cells) : 0
}

/** Questions like this one that cost less, the mildest change first. Whether they fit, the
 * room says. Where most is withheld, more noise would withhold the rest: it is no way. */
export function cheaper(d: Draft, sigma: number, sigmas: number[], hidden = 0): Way[] {
  const out: Way[] = []
  const doc: Document = toDocument(d)
  if (doc.index) out.push({ what: 'index', name: '', draft: { ...d, index: false } })
  if (doc.total) out.push({ what: 'total', name: '', draft: { ...d, total: false } })
  for (const s of sigmas.filter((s) => s > sigma && hidden < 0.5).slice(0, 2)) out.push({ what: 'sigma', name: String(s), draft: { ...d, sigma: s } })
  const own = (doc.measures ?? []).filter((m) => m !== 'users')
  const dearest = own.at(-1)
  if (dearest) out.push({ what: 'measure', name: dearest, draft: { ...d, measures: d.measures.filter((m) => m !== dearest) } })
  return out.slice(0, 4)
}

/** The precisions that the gate offers, finest first. */
export function sigmasOf(gate: Schemas['Gate'] | undefined): number[] {
  const text = gate?.settings.find((s) => s.key === 'sigma')?.value ?? ''
  const out = (text.match(/\d+/g) ?? []).map(Number)
  return out.length ? out.sort((a, b) => a - b) : [5, 10, 20, 50]
}

/** A price with as many digits as it has: the smallest are of some 0.0002. */
export const digits = 5
