// "About these numbers": what protects the people counted and what the table cost, in a
// marketer's words; the parameters stand apart.
import { decimal, noise, thousands } from './figures'
import { valueName, type Words } from './names'
import { dimsOf, plain, precision, receiptOf, type Release } from './release'

export type Fact = { name: string; text: string }

export function factsOf(w: Words, r: Release): Fact[] {
  const p = r.privacy
  const out: Fact[] = []
  const add = (name: string, text: string) => out.push({ name, text })
  const about = (key: string, options?: Record<string, unknown>) => w.t(`about.${key}`, options)
  add(w.t('figure.interval'), about('interval', { n: thousands(w, precision(p)) }))
  if (r.other?.users) add(about('other'), about('otherText'))
  for (const d of dimsOf(r)) {
    if (d.name !== 'matched_by') continue
    add(about('matched'), about('matchedText', { kinds: d.domain.map((v) => valueName(w, d.name, v)).join(about('kinds')) }))
  }
  if (r.report === 'delivery') add(about('counting'), about('countingText'))
  if (r.report === 'lift') add(about('reading'), about('readingText'))
  if (r.base) add(about('index'), about('indexText'))
  if (p.cells_summed) add(about('price'), about('priceSum', { rho: decimal(p.rho), n: thousands(w, p.cells_summed) }))
  else add(about('price'), about(r.report === 'cube' ? 'priceCube' : 'priceText', { rho: decimal(p.rho) }))
  add(about('protection'), plain(p.statement[w.lang]))
  const recipient = receiptOf(r).recipient
  if (recipient) add(about('terms'), about('termsText', { id: plain(r.entrustment), version: r.version, recipient: plain(recipient) }))
  return out
}

/** What a withheld cell means, in one sentence, and what to do; undefined where none is.
 * A size and a planning cube have the noisy threshold alone (PRIVACY rules 6, 7). */
export function withheldOf(w: Words, r: Release): { count: string; why: string; mend: string } | undefined {
  const p = r.privacy
  if (p.withheld === 0) return undefined
  const alone = r.report === 'size' || r.report === 'cube'
  return { count: w.t('withheld.count', { cells: thousands(w, p.cells), n: thousands(w, p.withheld) }), why: w.t(alone ? 'withheld.whyAlone' : 'withheld.why'), mend: w.t('withheld.mend') }
}

export type Parameter = { sign: string; value: string; means: string }

export function parametersOf(w: Words, r: Release): Parameter[] {
  const p = r.privacy
  const row = (sign: string, key: string, value: string): Parameter => ({ sign, value, means: w.t(`about.${key}`) })
  return [
    ...(p.k ? [row('k', 'k', String(p.k))] : []),
    row('τ', 'tau', String(p.tau)),
    row('σ', 'sigma', noise(p.sigma, Math.max(1, p.cells_of_one ?? 0, p.cells_summed ?? 0))),
    row('ρ', 'rho', decimal(p.rho)),
    row('ε', 'epsilon', decimal(p.epsilon)),
    row('δ', 'delta', decimal(p.delta)),
  ]
}
