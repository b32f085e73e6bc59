// How the numbers of a release are written; the same as in its files.
import type { Words } from './names'
import type { Interval } from './release'
import type { Kind } from './measures'

const locale = (w: Words) => (w.lang === 'ja' ? 'ja-JP' : 'en-GB')

export const thousands = (w: Words, n: number, digits = 0) =>
  new Intl.NumberFormat(locale(w), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(n)

/** A number of a kind, without its unit: 1,234; 6.25%; 1,701.333. */
export function figure(w: Words, kind: Kind, v: number): string {
  switch (kind) {
    case 'share':
      return `${thousands(w, 100 * v, 2)}%`
    case 'average':
      return thousands(w, v, 2)
    case 'thousandths':
      return thousands(w, v / 1000, 3)
    case 'index':
      return thousands(w, v, 1)
    default:
      return thousands(w, Math.round(v))
  }
}

/** A number as short as it can be read: 1.2万, 12K. For a square of a map. */
export function short(w: Words, kind: Kind, v: number): string {
  if (kind === 'share') return `${thousands(w, 100 * v, 1)}%`
  if (kind === 'average') return thousands(w, v, 2)
  if (kind === 'index') return thousands(w, v, 0)
  const n = kind === 'thousandths' ? v / 1000 : v
  if (Math.abs(n) < 10_000 && kind !== 'thousandths') return thousands(w, n)
  return new Intl.NumberFormat(locale(w), { notation: 'compact', maximumFractionDigits: 1 }).format(n)
}

/** Both ends of an interval. */
export const range = (w: Words, kind: Kind, x: Interval) => w.t('figure.range', { low: figure(w, kind, x.low), high: figure(w, kind, x.high) })

/** ±n where the interval is even about its value, else both ends: a value near zero has
 * its low end cut off. */
export function spread(w: Words, kind: Kind, x: Interval): string {
  if (kind !== 'share' && kind !== 'average' && kind !== 'index' && x.high - x.value === x.value - x.low) return `±${figure(w, kind, x.high - x.value)}`
  return range(w, kind, x)
}

/** A change, with its sign. */
export const signed = (w: Words, kind: Kind, v: number) => (v >= 0 ? '+' : '−') + figure(w, kind, Math.abs(v))

/** A share's change in points of a per cent, with its sign. */
export const points = (w: Words, v: number) => (v >= 0 ? '+' : '−') + thousands(w, Math.abs(100 * v), 2)

/** p with four places. */
export const pValue = (p: number) => (p < 0.0001 ? '<0.0001' : p.toFixed(4))

/** A small number without an exponent where one can be read: 0.005, 1.02e-6. */
export function decimal(x: number): string {
  if (x !== 0 && Math.abs(x) < 1e-4) return Number(x.toPrecision(3)).toString()
  return Number(x.toPrecision(12)).toString()
}

/** σ and, where a cell carries more noise than that, how much: 20 × √12 = 69. */
export function noise(sigma: number, terms: number): string {
  return terms <= 1 ? String(sigma) : `${sigma} × √${terms} = ${Math.round(sigma * Math.sqrt(terms))}`
}
