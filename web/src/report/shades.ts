// Which shade a value has: five classes of about as many places each, so that one large
// city does not leave all others pale.
import type { Mark } from './chart'

export type Shades = { of: (v: number) => number; bounds: { from: number; to: number }[] }

export function shadesOf(marks: Mark[], most = 5): Shades {
  const values = marks.flatMap((m) => (m.at ? [m.at.value] : [])).sort((a, b) => a - b)
  const distinct = [...new Set(values)]
  const n = Math.min(most, distinct.length)
  const bounds: { from: number; to: number }[] = []
  for (let i = 0; i < n; i++) {
    const own = distinct.slice(Math.round((i * distinct.length) / n), Math.round(((i + 1) * distinct.length) / n))
    bounds.push({ from: own[0]!, to: own.at(-1)! })
  }
  return { bounds, of: (v) => Math.max(1, bounds.findLastIndex((b) => v >= b.from) + 1) }
}
