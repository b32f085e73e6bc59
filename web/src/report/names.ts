// Names of dimensions, values and measures in words: the same as in the files.
import { placeInEnglish, isPrefecture } from './prefectures'
import { plain, unknown } from './release'

/** The words of place "report", for functions that are no components. */
export type Words = {
  lang: 'ja' | 'en'
  t: (key: string, options?: Record<string, unknown>) => string
  has: (key: string) => boolean
}

const word = /^[a-zA-Z_-]+$/

/** The word for a key where there is one; names of documents may be anything. */
function known(w: Words, group: string, name: string): string | undefined {
  return word.test(name) && w.has(`${group}.${name}`) ? w.t(`${group}.${name}`) : undefined
}

export const dimName = (w: Words, dim: string) => known(w, 'dim', dim) ?? plain(dim)
export const measureName = (w: Words, name: string) => known(w, 'measure', name) ?? plain(name)
export const reportName = (w: Words, kind: string) => known(w, 'report', kind) ?? plain(kind)

/** A value of a dimension in words. Bands of age, contacts and yen are known by the
 * dimension's name; what we have no word for keeps its own. */
export function valueName(w: Words, dim: string, value: string): string {
  if (value === unknown) return w.t('value.unknown')
  const own = word.test(dim) ? known(w, `value.${dim}`, dim === 'gender' ? value.toLowerCase() : value) : undefined
  if (own !== undefined && dim !== 'touch') return own
  switch (dim) {
    case 'age_band':
      return band(w, 'age', value, String)
    case 'frequency':
      return band(w, 'times', value, String)
    case 'salary_band':
      return band(w, 'yen', value, (n) => yen(w, n))
    case 'touch':
      return touch(w, value)
  }
  if (w.lang === 'en') return placeInEnglish(value) ?? plain(value)
  return plain(value)
}

function touch(w: Words, value: string): string {
  if (value === 'unattributed') return w.t('value.touch.unattributed')
  const at = value.indexOf('/')
  const kind = value.slice(0, at)
  if (kind === 'click' || kind === 'impression') return w.t(`value.touch.${kind}`, { category: plain(value.slice(at + 1)) })
  return plain(value)
}

/** Yen as salaries are spoken of: 300万, 3M. */
function yen(w: Words, n: number): string {
  if (n % 10_000 !== 0 || n === 0) return new Intl.NumberFormat('en').format(n)
  if (w.lang === 'ja') return w.t('band.yen.man', { n: new Intl.NumberFormat('en').format(n / 10_000) })
  return `${n / 1e6}M`
}

/** "<a", "a-b", ">=z" in words. */
function band(w: Words, kind: string, value: string, write: (n: number) => string): string {
  const read = (s: string | undefined) => (s !== undefined && /^\d+$/.test(s) ? Number(s) : undefined)
  const below = read(/^<(\d+)$/.exec(value)?.[1])
  if (below !== undefined) return w.t(`band.${kind}.below`, { to: write(below) })
  const from = read(/^>=(\d+)$/.exec(value)?.[1])
  if (from !== undefined) return w.t(`band.${kind}.from`, { from: write(from) })
  const both = /^(\d+)-(\d+)$/.exec(value)
  const a = read(both?.[1])
  const b = read(both?.[2])
  if (a === undefined || b === undefined) return kind === 'times' && /^\d+$/.test(value) ? w.t('band.times.one', { n: value }) : plain(value)
  // 3000000-4999999: to below five million.
  if ((b + 1) % 10_000 === 0) return w.t(`band.${kind}.under`, { from: write(a), to: write(b + 1) })
  return w.t(`band.${kind}.between`, { from: write(a), to: write(b) })
}

/** The values of some dimensions of a key, in their order. */
export const labelOf = (w: Words, dims: readonly { name: string }[], key: Record<string, string>) => dims.map((d) => valueName(w, d.name, key[d.name] ?? '')).join(w.t('condition.list'))

/** Whether a domain is of prefectures, whatever the column is called. */
export const isMap = (domain: readonly string[]) => domain.filter(isPrefecture).length >= 20
