// Which chart fits a release, and the numbers in it: pure data, in words, without
// colours or pixels. What is not released has no number here either.
import { dimName, isMap, labelOf, measureName, valueName, type Words } from './names'
import { isRate, valueOf, type Kind, type Measure } from './measures'
import { isPrefecture } from './prefectures'
import { cellsOf, dimsOf, keyOf, unknown, type Cell, type Dim, type Interval, type Release } from './release'

/** Which colour a mark has: the same for the same band in every chart. */
export type Tone = 'one' | 'two' | 'three' | 'four' | 'five' | 'quiet'

/** One number to draw; at: undefined where it is withheld, null where it is not there
 * (a rate that is not steady enough to show). */
export type Mark = { label: string; at: Interval | null | undefined; tone: Tone; series?: string }

export type Bars = { form: 'bars'; title: string; kind: Kind; marks: Mark[]; omitted?: { rest: number; withheld: number } }
export type Columns = { form: 'columns'; title: string; axis: string; kind: Kind; marks: Mark[] }
export type Pyramid = { form: 'pyramid'; title: string; axis: string; kind: Kind; sides: [string, string]; rows: { label: string; left: Mark; right: Mark }[]; rest: string[] }
export type Dots = { form: 'dots'; title: string; kind: Kind; zero: number; top: number; omitted?: { rest: number; withheld: number }; series: { name: string; tone: Tone }[]; rows: { label: string; marks: Mark[] }[] }
export type Tiles = { form: 'tiles'; title: string; kind: Kind; marks: Map<string, Mark>; rest: string[] }
export type Funnel = { form: 'funnel'; title: string; steps: (Mark & { rate?: { name: string; at: Interval } })[] }
export type Lift = { form: 'lift'; title: string; arms: Mark[]; difference: Mark }
export type Chart = Bars | Columns | Pyramid | Dots | Tiles | Funnel | Lift

const mostCells = 40 // a chart of more cells shows the largest alone
const shownCells = 30
const mostColumns = 14

const tones: Tone[] = ['one', 'two', 'three', 'four', 'five']
const fixed: Record<string, Record<string, Tone>> = {
  gender: { male: 'one', female: 'two', unknown: 'quiet' },
  assignment: { treated: 'one', holdout: 'two' },
}

// Dimensions of few values without order.
const nominal = ['tier', 'matched_by', 'workclass']

/** The colour of a band: that of its place in a short domain without order. */
export function toneOf(dim: Dim | undefined, value: string): Tone {
  if (!dim) return 'one'
  const own = fixed[dim.name]?.[value.toLowerCase()]
  if (own) return own
  if (value === unknown) return 'quiet'
  const at = dim.domain.filter((v) => v !== unknown).indexOf(value)
  return nominal.includes(dim.name) ? (tones[at] ?? 'quiet') : 'one'
}

const at = (c: Cell, m: Measure): Mark['at'] => (c.status !== 'released' ? undefined : (valueOf(c, m) ?? null))

const gendersOf = (dims: Dim[]) => {
  const d = dims.find((d) => d.name === 'gender')
  const side = (s: string) => d?.domain.find((v) => v.toLowerCase() === s)
  const male = side('male')
  const female = side('female')
  return d && male && female ? { dim: d, male, female } : undefined
}

/** The dimensions that a chart of the release does not draw: one value of each is
 * chosen, and drawn. Nothing is summed, for sums of what is shown would be low. */
export function sliceDims(r: Release): Dim[] {
  const dims = dimsOf(r)
  if (dims.length < 2) return []
  if (gendersOf(dims) && dims.some((d) => d.name === 'age_band')) return dims.filter((d) => d.name !== 'gender' && d.name !== 'age_band')
  const map = dims.find((d) => isMap(d.domain))
  return map ? dims.filter((d) => d !== map) : []
}

export type Slice = Record<string, string>

/** The slice that a chart begins with: the first value of each dimension. */
export const firstSlice = (r: Release): Slice => Object.fromEntries(sliceDims(r).map((d) => [d.name, d.domain[0] ?? '']))

/** The charts of a measure, the first the one that fits best. */
export function chartsOf(w: Words, r: Release, m: Measure, slice: Slice): Chart[] {
  if (r.report === 'lift') return liftCharts(w, r, m)
  const sliced = sliceDims(r)
  const cells = cellsOf(r).filter((c) => sliced.every((d) => keyOf(c)[d.name] === slice[d.name]))
  const dims = dimsOf(r).filter((d) => !sliced.includes(d))
  const funnel = r.report === 'delivery' && m.name === 'users' ? funnelOf(w, r) : undefined
  if (cells.length < 2) return funnel ? [funnel] : []
  return [...(funnel ? [funnel] : []), chartOf(w, r, dims, cells, m)]
}

function chartOf(w: Words, r: Release, dims: Dim[], cells: Cell[], m: Measure): Chart {
  if (m.kind === 'index') return dotsOf(w, dims, cells)
  const one = dims.length === 1 ? dims[0] : undefined
  if (one && isMap(one.domain)) return tilesOf(w, one, cells, m)
  if (!isRate(m)) {
    const pyramid = pyramidOf(w, dims, cells, m)
    if (pyramid) return pyramid
  }
  if (one && r.report === 'reach-frequency' && cells.length <= mostColumns) {
    const title = m.name === 'users' ? w.t('chart.frequency') : measureName(w, m.name)
    return { form: 'columns', title, axis: dimName(w, one.name), kind: m.kind, marks: cells.map((c) => markOf(w, dims, c, m)) }
  }
  return barsOf(w, dims, cells, m)
}

const heading = (w: Words, m: Measure) => (m.name === 'users' ? w.t('chart.users') : measureName(w, m.name))

function markOf(w: Words, dims: Dim[], c: Cell, m: Measure): Mark {
  const told = dims.find((d) => d.name in fixed || nominal.includes(d.name))
  return { label: labelOf(w, dims, keyOf(c)) || w.t('sum.everyone'), at: at(c, m), tone: toneOf(told, keyOf(c)[told?.name ?? ''] ?? '') }
}

function barsOf(w: Words, dims: Dim[], cells: Cell[], m: Measure): Bars {
  const all = cells.map((c) => ({ c, mark: markOf(w, dims, c, m) }))
  if (all.length <= mostCells) return { form: 'bars', title: heading(w, m), kind: m.kind, marks: all.map((x) => x.mark) }
  const seen = all.filter((x) => x.mark.at)
  const shown = seen.sort((a, b) => b.mark.at!.value - a.mark.at!.value).slice(0, shownCells)
  const withheld = all.filter((x) => x.mark.at === undefined).length
  return { form: 'bars', title: heading(w, m), kind: m.kind, marks: shown.map((x) => x.mark), omitted: { rest: all.length - shown.length, withheld } }
}

/** Gender by age, the oldest on top; undefined where a cell of it is not in the table. */
function pyramidOf(w: Words, dims: Dim[], cells: Cell[], m: Measure): Pyramid | undefined {
  const gender = gendersOf(dims)
  const age = dims.find((d) => d.name === 'age_band')
  if (!gender || !age || dims.length !== 2 || age.domain.length > mostCells) return undefined
  const found = new Map(cells.map((c) => [`${keyOf(c)['age_band']}\u0000${keyOf(c)['gender']}`, c]))
  const known = age.domain.filter((a) => a !== unknown)
  const ages = [...known].reverse().concat(age.domain.includes(unknown) ? [unknown] : [])
  const rows: Pyramid['rows'] = []
  for (const a of ages) {
    const label = valueName(w, 'age_band', a)
    const [left, right] = [gender.male, gender.female].map((g) => {
      const c = found.get(`${a}\u0000${g}`)
      return c && { label: labelOf(w, [age, gender.dim], keyOf(c)), at: at(c, m), tone: toneOf(gender.dim, g) }
    })
    if (!left || !right) return undefined
    rows.push({ label, left, right })
  }
  const side = (v: string) => valueName(w, 'gender', v)
  const rest = gender.dim.domain.filter((v) => v !== gender.male && v !== gender.female).map(side)
  return { form: 'pyramid', title: heading(w, m), axis: dimName(w, 'age_band'), kind: m.kind, sides: [side(gender.male), side(gender.female)], rows, rest }
}

/** Indexes around 100. Where the last dimension has few values, they stand beside each
 * other in one row, each by its own sign. */
function dotsOf(w: Words, dims: Dim[], cells: Cell[]): Dots {
  const index: Measure = { name: 'index', kind: 'index' }
  const last = dims.length === 2 && dims[1]!.domain.length <= 4 ? dims[1] : undefined
  const ahead = last ? dims.slice(0, -1) : dims
  const groups = new Map<string, Mark[]>()
  for (const c of cells) {
    const key = keyOf(c)
    const value = last ? (key[last.name] ?? '') : ''
    const label = labelOf(w, ahead, key)
    const mark: Mark = { label: labelOf(w, dims, key), at: at(c, index), tone: last ? toneOf(last, value) : 'one' }
    if (last) mark.series = valueName(w, last.name, value)
    groups.set(label, [...(groups.get(label) ?? []), mark])
  }
  let rows = [...groups].map(([label, marks]) => ({ label, marks }))
  // Beside a pyramid its rows stand as there: the oldest on top, the unknown below.
  const young = dims[0]?.name === 'age_band' ? dims[0].domain.filter((v) => v !== unknown).length : 0
  if (last && gendersOf(dims) && young > 0) rows = [...rows.slice(0, young).reverse(), ...rows.slice(young)]
  let omitted: Dots['omitted']
  if (rows.length > mostCells) {
    const left = rows.filter((r) => r.marks.some((x) => x.at)).slice(0, mostCells)
    omitted = { rest: rows.length - left.length, withheld: rows.filter((r) => r.marks.every((x) => x.at === undefined)).length }
    rows = left
  }
  const series = last ? last.domain.map((v) => ({ name: valueName(w, last.name, v), tone: toneOf(last, v) })) : []
  const top = Math.min(500, Math.max(200, ...rows.flatMap((r) => r.marks.map((x) => Math.ceil((x.at?.high ?? 0) / 50) * 50))))
  return { form: 'dots', title: w.t('chart.index'), kind: 'index', zero: 100, top, series, rows, ...(omitted ? { omitted } : {}) }
}

function tilesOf(w: Words, dim: Dim, cells: Cell[], m: Measure): Tiles {
  const marks = new Map<string, Mark>()
  const rest: string[] = []
  for (const c of cells) {
    const v = keyOf(c)[dim.name] ?? ''
    if (isPrefecture(v)) marks.set(v, { label: valueName(w, dim.name, v), at: at(c, m), tone: 'one' })
    else rest.push(valueName(w, dim.name, v))
  }
  return { form: 'tiles', title: w.t('chart.tiles', { measure: measureName(w, m.name) }), kind: m.kind, marks, rest }
}

/** From impressions to results, of the total or of the one cell; undefined where there
 * are fewer than two steps. */
function funnelOf(w: Words, r: Release): Funnel | undefined {
  const only = cellsOf(r).length === 1 ? cellsOf(r)[0] : undefined
  const row = r.total?.sums ? r.total : only
  if (!row || (row === r.total && r.total.partial)) return undefined
  const step = (name: string, rate?: string): Funnel['steps'][number] | undefined => {
    const m: Measure = { name, kind: 'count' }
    const x = valueOf(row, m)
    if (!x) return undefined
    const q = rate ? row.rates?.[rate] : undefined
    return { label: measureName(w, name), at: x, tone: 'one', ...(q && rate ? { rate: { name: measureName(w, rate), at: q } } : {}) }
  }
  const steps = [step('impressions'), step('clicks', 'click_rate'), step('conversions', 'conversion_rate')].filter((s) => s !== undefined)
  return steps.length < 2 ? undefined : { form: 'funnel', title: w.t('chart.funnel'), steps }
}

function liftCharts(w: Words, r: Release, m: Measure): Chart[] {
  const out: Chart[] = []
  const l = r.lift
  if (l?.status === 'released' && l.treated && l.holdout && l.difference && m.name === 'users') {
    const arm = (v: string, x: Interval): Mark => ({ label: valueName(w, 'assignment', v), at: x, tone: fixed['assignment']![v]! })
    out.push({ form: 'lift', title: w.t('chart.lift'), arms: [arm('treated', l.treated), arm('holdout', l.holdout)], difference: { label: w.t('lift.difference'), at: l.difference, tone: 'three' } })
  }
  if (cellsOf(r).length > 1) out.push(barsOf(w, dimsOf(r), cellsOf(r), m))
  return out
}
