// The same numbers as a table: what is seen, what is copied.
import { figure, range, pValue, points, signed } from './figures'
import { measuresOf, users, valueOf, type Kind, type Measure } from './measures'
import { dimName, measureName, valueName, type Words } from './names'
import { cellId, cellsOf, dimsOf, hasIndex, keyOf, type Cell, type Interval, type Release, type Sum } from './release'

export type Entry = { text: string; withheld?: boolean }
export type Head = { id: string; text: string; num: boolean; interval?: boolean }
export type Line = { id: string; sum: boolean; withheld: boolean; entries: Entry[] }
export type Sheet = { heads: Head[]; lines: Line[]; keys: number }

const none: Entry = { text: '' }

/** Below the cells: what is withheld together, the total, all users. */
export function sumsOf(w: Words, r: Release): { id: string; label: string; sum: Sum }[] {
  const asked = (r.question as { total?: boolean }).total
  const total = dimsOf(r).length === 0 && !asked ? undefined : r.total
  const out: { id: string; label: string; sum: Sum }[] = []
  for (const [id, sum] of [['other', r.other], ['total', total], ['base', r.base]] as const) {
    if (!sum || sum.status === 'none') continue
    out.push({ id, sum, label: w.t(`sum.${sum.partial ? 'partial' : id}`) })
  }
  return out
}

/** The table of a release: its cells in their order, then the sums. */
export function sheetOf(w: Words, r: Release): Sheet {
  const dims = dimsOf(r)
  const indexed = hasIndex(r)
  const index: Measure = { name: 'index', kind: 'index' }
  const measures = [users, ...(indexed ? [index] : []), ...measuresOf(r)]
  const heads: Head[] = (dims.length ? dims.map((d) => ({ id: d.name, text: dimName(w, d.name), num: false })) : [{ id: '', text: w.t('table.cell'), num: false }]) as Head[]
  for (const m of measures) {
    heads.push({ id: `m.${m.name}`, text: measureName(w, m.name), num: true })
    const interval = m.name === 'users' ? w.t('table.interval') : w.t('table.of', { name: measureName(w, m.name) })
    heads.push({ id: `i.${m.name}`, text: interval, num: true, interval: true })
  }
  const numbers = (row: Cell | Sum, withheld: boolean) => measures.flatMap((m) => pair(w, m, row, withheld))
  const lines: Line[] = cellsOf(r).map((c) => {
    const withheld = c.status !== 'released'
    const keys = dims.length ? dims.map((d) => ({ text: valueName(w, d.name, keyOf(c)[d.name] ?? '') })) : [{ text: w.t('sum.everyone') }]
    return { id: cellId(keyOf(c), dims), sum: false, withheld, entries: [...keys, ...numbers(c, withheld)] }
  })
  for (const { id, label, sum } of sumsOf(w, r)) {
    const withheld = sum.status === 'withheld'
    lines.push({ id: `sum.${id}`, sum: true, withheld, entries: [{ text: label }, ...Array<Entry>(Math.max(1, dims.length) - 1).fill(none), ...numbers(sum, withheld)] })
  }
  return { heads, lines, keys: Math.max(1, dims.length) }
}

/** A number and its interval; of a withheld row the first says so. */
function pair(w: Words, m: Measure, row: Cell | Sum, withheld: boolean): [Entry, Entry] {
  const x = valueOf(row, m)
  if (x) return [{ text: figure(w, m.kind, x.value) }, { text: range(w, m.kind, x) }]
  if (withheld && m.name === 'users') return [{ text: w.t('withheld.full'), withheld: true }, none]
  // Released, and not steady enough to show.
  return withheld || (m.name === 'index' && !('key' in row)) ? [none, none] : [{ text: w.t('figure.unsteady') }, none]
}

/** The table as a spreadsheet takes it from the clipboard: a line a row, tabs between. A
 * text that it would run as a formula begins with an apostrophe. */
export const copyOf = (sheet: Sheet) => linesOf([sheet.heads.map((h) => h.text), ...sheet.lines.map((l) => l.entries.map((e) => e.text))])

/** Rows of texts, likewise. */
export function linesOf(rows: string[][]): string {
  const number = /^[+\-−]?[\d.,]+%?( – [+\-−]?[\d.,]+%?)?$/
  const safe = (s: string) => (/^[=+\-@\t\r]/.test(s) && !number.test(s) ? `'${s}` : s).replace(/[\t\n\r]/g, ' ')
  return rows.map((r) => r.map(safe).join('\t')).join('\n')
}

export type Headline = { label: string; value: string; unit: string; interval?: string; kind: Kind; withheld?: boolean }

/** The number that stands above: of a lift the difference, else the total, else the one
 * number that there is; undefined where there is none. */
export function headlineOf(w: Words, r: Release): Headline | undefined {
  if (r.lift) {
    const d = r.lift.difference
    if (r.lift.status !== 'released' || !d) return { label: w.t('lift.title'), value: w.t('withheld.full'), unit: '', kind: 'share', withheld: true }
    return { label: w.t('lift.difference'), value: points(w, d.value), unit: w.t('lift.points'), interval: w.t('figure.range', { low: points(w, d.low), high: points(w, d.high) }), kind: 'share' }
  }
  const total = sumsOf(w, r).find((s) => s.id === 'total' && s.sum.users)
  const one = dimsOf(r).length === 0 && cellsOf(r).length === 1 ? cellsOf(r)[0] : undefined
  if (!total && one && !one.users) return { label: w.t('sum.everyone'), value: w.t('withheld.full'), unit: '', kind: 'people', withheld: true }
  const x = total?.sum.users ?? one?.users
  if (!x) return creditsOf(w, r)
  return { label: total?.label ?? w.t('sum.everyone'), value: figure(w, 'people', x.value), unit: w.t('figure.people', { n: '' }).trim(), interval: range(w, 'people', x), kind: 'people' }
}

/** Of conversions that were credited: all of them together. */
function creditsOf(w: Words, r: Release): Headline | undefined {
  const x = r.report === 'attribution' && !r.total?.partial ? r.total?.sums?.['credits'] : undefined
  return x && { label: w.t('sum.of', { name: measureName(w, 'credits') }), value: figure(w, 'thousandths', x.value), unit: '', interval: range(w, 'thousandths', x), kind: 'thousandths' }
}

export type LiftLine = { id: string; name: string; value: string; interval: string }

/** What a lift report says below its table; none where it is withheld. */
export function liftLines(w: Words, r: Release): LiftLine[] {
  const l = r.lift
  if (!l || l.status !== 'released') return []
  const line = (id: string, x: Interval | undefined, write: (v: number) => string): LiftLine[] =>
    x ? [{ id, name: w.t(`lift.${id}`), value: write(x.value), interval: w.t('figure.range', { low: write(x.low), high: write(x.high) }) }] : []
  const share = (v: number) => figure(w, 'share', v)
  return [
    ...line('treated', l.treated, share),
    ...line('holdout', l.holdout, share),
    ...line('difference', l.difference, (v) => points(w, v)),
    ...line('relative', l.relative, (v) => signed(w, 'share', v)),
    ...(l.p === undefined ? [] : [{ id: 'p', name: w.t('lift.p'), value: pValue(l.p), interval: '' }]),
  ]
}
