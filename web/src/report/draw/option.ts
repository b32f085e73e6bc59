// A chart as ECharts draws it: axes of its own, marks of ours (shapes.ts). Pure but for
// the palette, which the caller read from the theme.
import type { Bars, Chart, Columns, Dots, Funnel, Lift, Mark, Pyramid, Tiles } from '../chart'
import { figure, points, range, short } from '../figures'
import type { Kind } from '../measures'
import type { Words } from '../names'
import type { Palette } from './palette'
import { box, fit, hatched, sign, stroke, textSize, whisker, widthOf, word, type Shape } from './shapes'

export type Drawn = Exclude<Chart, Tiles>

type Api = { coord: (v: (number | string)[]) => number[]; size: (v: number[]) => number[] }
type Params = { dataIndex: number; coordSys: { x: number; y: number; width: number; height: number } }
type Option = Record<string, unknown>
/** What draws: the words, the colours, and how wide there is room. */
export type Pen = { w: Words; p: Palette; width: number }

const row = 30
const axis = 28
const barHeight = 18
const hatchWidth = 44

/** How high a chart is drawn. */
export function heightOf(c: Drawn): number {
  switch (c.form) {
    case 'bars':
      return c.marks.length * row + axis + 8
    case 'dots':
      return c.rows.length * dotsRow(c) + axis + 8
    case 'pyramid':
      return c.rows.length * 26 + axis + 28
    case 'columns':
      return 320
    case 'funnel':
      return c.steps.length * 56 + 8
    case 'lift':
      return 232
  }
}

const dotsRow = (c: Dots) => Math.max(row, c.series.length * 14 + 8)

export function optionOf(pen: Pen, c: Drawn): Option {
  switch (c.form) {
    case 'bars':
      return barsOption(pen, c)
    case 'columns':
      return columnsOption(pen, c)
    case 'pyramid':
      return pyramidOption(pen, c)
    case 'dots':
      return dotsOption(pen, c)
    case 'funnel':
      return funnelOption(pen, c)
    case 'lift':
      return liftOption(pen, c)
  }
}

const group = (children: Shape[]): Shape => ({ type: 'group', children })

/** What a mark says when it is pointed at. */
function told(pen: Pen, m: Mark, kind: Kind, write = (v: number) => figure(pen.w, kind, v)): string {
  const { w } = pen
  if (m.at === undefined) return `${m.label}\n${w.t('withheld.full')}`
  if (m.at === null) return `${m.label}\n${w.t('figure.unsteady')}`
  return `${m.label}\n${write(m.at.value)}\n${w.t('figure.interval')} ${w.t('figure.range', { low: write(m.at.low), high: write(m.at.high) })}`
}

/** Data of a series: a place and an interval each; what is withheld keeps its place. */
const data = (marks: Mark[]) => marks.map((m, i) => [i, m.at?.value ?? 0, m.at?.low ?? 0, m.at?.high ?? 0])

const series = (draw: (i: number, api: Api, params: Params) => Shape, rows: number[][], tip: (i: number) => string, more: Option = {}): Option => ({
  type: 'custom',
  renderItem: (params: Params, api: Api) => draw(params.dataIndex, api, params),
  data: rows,
  encode: { x: [1, 2, 3], y: 0 },
  clip: false,
  tooltip: { formatter: (x: { dataIndex: number }) => tip(x.dataIndex) },
  ...more,
})

function base({ p }: Pen): Option {
  return {
    animation: false,
    textStyle: { fontFamily: p.font, fontSize: textSize, color: p.text },
    tooltip: { trigger: 'item', renderMode: 'richText', confine: true, transitionDuration: 0, backgroundColor: p.raised, borderColor: p.quiet, borderWidth: 1, padding: 8, textStyle: { color: p.text, fontSize: textSize, fontFamily: p.font } },
  }
}

const valueAxis = ({ w, p }: Pen, kind: Kind, more: Option = {}): Option => ({
  type: 'value', min: 0, splitNumber: 4,
  axisLabel: { color: p.quiet, fontSize: 12, hideOverlap: true, formatter: (v: number) => short(w, kind, v) },
  splitLine: { lineStyle: { color: p.line } }, axisLine: { show: false }, axisTick: { show: false }, ...more,
})

const rowAxis = ({ p }: Pen, labels: string[], more: Option = {}): Option => ({
  type: 'category', inverse: true, data: labels, axisTick: { show: false }, axisLine: { lineStyle: { color: p.quiet } },
  axisLabel: { color: p.text, fontSize: textSize, interval: 0 }, ...more,
})

/** The room that labels take: at most two fifths of the width. */
function labelRoom(pen: Pen, labels: string[]): { labels: string[]; room: number } {
  const room = Math.min(Math.max(...labels.map((l) => widthOf(l)), 40), pen.width * 0.4)
  return { labels: labels.map((l) => fit(l, room)), room: room + 12 }
}

const figureRoom = (texts: string[]) => Math.max(...texts.map((t) => widthOf(t)), 40) + 14

function barsOption(pen: Pen, c: Bars): Option {
  const { labels, room } = labelRoom(pen, c.marks.map((m) => m.label))
  const texts = c.marks.map((m) => (m.at ? figure(pen.w, c.kind, m.at.value) : ''))
  return {
    ...base(pen),
    grid: { left: room, right: figureRoom(texts), top: 4, bottom: axis },
    xAxis: valueAxis(pen, c.kind),
    yAxis: rowAxis(pen, labels),
    series: [series((i, api) => barAt(pen, c.marks[i]!, texts[i]!, i, api, 1), data(c.marks), (i) => told(pen, c.marks[i]!, c.kind))],
  }
}

/** The end of a scale: the highest end of an interval, never 0. */
const most = (marks: Mark[]) => Math.max(...marks.map((m) => Math.max(m.at?.high ?? 0, m.at?.value ?? 0))) || 1

/** One lying bar with its interval and figure; way is −1 towards the left. */
function barAt(pen: Pen, m: Mark, text: string, i: number, api: Api, way: 1 | -1, height = barHeight): Shape {
  const { p, w } = pen
  const [x0 = 0, y = 0] = api.coord([0, i])
  const side = way === 1 ? 'left' : 'right'
  if (m.at === undefined) return group([hatched(p, x0, y - height / 2, way * hatchWidth, height), word(p, w.t('withheld.short'), x0 + way * (hatchWidth + 6), y, side, { color: p.quiet, size: 12 })])
  if (m.at === null) return group([word(p, w.t('figure.unsteady'), x0 + way * 6, y, side, { color: p.quiet })])
  const [x = 0] = api.coord([m.at.value, i])
  const [low = 0] = api.coord([m.at.low, i])
  const [high = 0] = api.coord([m.at.high, i])
  const end = way === 1 ? Math.max(x, high) : Math.min(x, high)
  return group([box(x0, y - height / 2, x - x0, height, p.tones[m.tone]), ...whisker(p, low, high, y, false), word(p, text, end + way * 8, y, side)])
}

function columnsOption(pen: Pen, c: Columns): Option {
  const { p, w } = pen
  const texts = c.marks.map((m) => (m.at ? short(w, c.kind, m.at.value) : ''))
  const step = (pen.width - 60) / c.marks.length
  const draw = (i: number, api: Api): Shape => {
    const m = c.marks[i]!
    const [x = 0, y0 = 0] = api.coord([i, 0])
    const wide = Math.min(48, step * 0.64)
    if (m.at === undefined) return group([hatched(p, x - wide / 2, y0 - 28, wide, 28), word(p, w.t('withheld.short'), x, y0 - 38, 'center', { color: p.quiet, size: 12 })])
    if (m.at === null) return group([word(p, w.t('figure.unsteady'), x, y0 - 10, 'center', { color: p.quiet })])
    const [, y = 0] = api.coord([i, m.at.value])
    const [, low = 0] = api.coord([i, m.at.low])
    const [, high = 0] = api.coord([i, m.at.high])
    return group([box(x - wide / 2, y, wide, y0 - y, p.tones[m.tone]), ...whisker(p, low, high, x, true), word(p, texts[i]!, x, Math.min(y, high) - 12, 'center', { size: step < 44 ? 11 : textSize })])
  }
  return {
    ...base(pen),
    grid: { left: 48, right: 8, top: 28, bottom: 52 },
    xAxis: {
      type: 'category', data: c.marks.map((m) => fit(m.label, step - 2, step < 52 ? 11 : 13)), name: c.axis, nameLocation: 'middle', nameGap: 30, nameTextStyle: { color: p.quiet, fontSize: 13 },
      axisTick: { show: false }, axisLine: { lineStyle: { color: p.quiet } }, axisLabel: { color: p.text, fontSize: step < 52 ? 11 : 13, interval: 0 },
    },
    yAxis: valueAxis(pen, c.kind),
    series: [series(draw, data(c.marks), (i) => told(pen, c.marks[i]!, c.kind), { encode: { x: 0, y: [1, 2, 3] } })],
  }
}

function pyramidOption(pen: Pen, c: Pyramid): Option {
  const { p, w } = pen
  const size = pen.width < 480 ? 12 : textSize
  const labels = Math.max(...c.rows.map((r) => widthOf(r.label, size)), widthOf(c.axis, size)) + 20
  const texts = (side: 'left' | 'right') => c.rows.map((r) => (r[side].at ? figure(w, c.kind, r[side].at.value) : ''))
  const figures = figureRoom([...texts('left'), ...texts('right')])
  const half = Math.max(30, (pen.width - labels) / 2)
  const top = most(c.rows.flatMap((r) => [r.left, r.right]))
  const common = { min: 0, max: top, axisLabel: { show: false }, splitLine: { show: false } }
  const side = (name: 'left' | 'right', at: 0 | 1) =>
    series((i, api) => barAt(pen, c.rows[i]![name], texts(name)[i]!, i, api, at === 0 ? -1 : 1, 16), data(c.rows.map((r) => r[name])), (i) => told(pen, c.rows[i]![name], c.kind), { xAxisIndex: at, yAxisIndex: at })
  const names = series(
    (i, api, { coordSys }) => {
      const [, y = 0] = api.coord([0, i])
      const middle = coordSys.x - labels / 2
      const head = i > 0 ? [] : [
        word(p, c.sides[0], coordSys.x - labels - 4, 10, 'right', { size }), box(coordSys.x - labels - 10 - widthOf(c.sides[0], size) - 12, 4, 12, 12, p.tones[c.rows[0]!.left.tone]),
        word(p, c.sides[1], coordSys.x + 20, 10, 'left', { size }), box(coordSys.x + 4, 4, 12, 12, p.tones[c.rows[0]!.right.tone]),
        word(p, c.axis, middle, 10, 'center', { size, color: p.quiet }),
      ]
      return group([word(p, c.rows[i]!.label, middle, y, 'center', { size }), ...head])
    },
    c.rows.map((_, i) => [i, 0, 0, 0]), () => '', { xAxisIndex: 1, yAxisIndex: 1, silent: true, tooltip: { show: false } },
  )
  const rows = c.rows.map((r) => r.label)
  const hidden = { axisLabel: { show: false } }
  return {
    ...base(pen),
    grid: [{ left: figures, width: half - figures, top: 24, bottom: 4 }, { left: half + labels, width: half - figures, top: 24, bottom: 4 }],
    xAxis: [valueAxis(pen, c.kind, { ...common, inverse: true, gridIndex: 0 }), valueAxis(pen, c.kind, { ...common, gridIndex: 1 })],
    yAxis: [rowAxis(pen, rows, { ...hidden, gridIndex: 0, position: 'right' }), rowAxis(pen, rows, { ...hidden, gridIndex: 1 })],
    series: [side('left', 0), side('right', 1), names],
  }
}

/** A dashed line across all rows, at a value. */
const across = (p: Palette, at: number, more: Option = {}): Option =>
  series((_i, api, { coordSys: s }) => { const [x = 0] = api.coord([at, 0]); return group([stroke(x, s.y, x, s.y + s.height, p.text, 1.5, [5, 4])]) }, [[0, at, at, at]], () => '', { silent: true, tooltip: { show: false }, ...more })

function dotsOption(pen: Pen, c: Dots): Option {
  const { p, w } = pen
  const { labels, room } = labelRoom(pen, c.rows.map((r) => r.label))
  const flat = c.rows.flatMap((r, i) => r.marks.map((m, j) => ({ m, i, at: c.series.length > 1 ? c.series.findIndex((s) => s.name === m.series) : j })))
  const single = c.series.length <= 1
  const figures = single ? figureRoom(flat.map(({ m }) => (m.at ? figure(w, c.kind, m.at.value) : w.t('withheld.short')))) : 16
  const draw = (n: number, api: Api, { coordSys: s }: Params): Shape => {
    const { m, i, at } = flat[n]!
    const [, middle = 0] = api.coord([0, i])
    const y = middle + (single ? 0 : (at - (c.series.length - 1) / 2) * 14)
    const right = s.x + s.width
    if (m.at === undefined) return group([hatched(p, s.x + 2, y - 5, hatchWidth, 10), ...(single ? [word(p, w.t('withheld.short'), s.x + hatchWidth + 8, y, 'left', { color: p.quiet, size: 12 })] : [])])
    if (m.at === null) return group(single ? [word(p, w.t('figure.unsteady'), right + 8, y, 'left', { color: p.quiet })] : [])
    const end = Math.min(m.at.high, c.top)
    const [x = 0] = api.coord([Math.min(m.at.value, c.top), i])
    const [low = 0] = api.coord([Math.min(m.at.low, end), i])
    const [high = 0] = api.coord([end, i])
    return group([...whisker(p, low, high, y, false), sign(p, Math.max(0, at), x, y, p.tones[m.tone]), ...(single ? [word(p, figure(w, c.kind, m.at.value), right + 8, y, 'left')] : [])])
  }
  const rows = flat.map(({ m, i }) => [i, m.at?.value ?? 0, m.at?.low ?? 0, m.at?.high ?? 0])
  return {
    ...base(pen),
    grid: { left: room, right: figures, top: 4, bottom: axis },
    xAxis: valueAxis(pen, c.kind, { max: c.top }),
    yAxis: rowAxis(pen, labels),
    series: [across(p, c.zero), series(draw, rows, (n) => told(pen, flat[n]!.m, c.kind))],
  }
}

function funnelOption(pen: Pen, c: Funnel): Option {
  const { p, w } = pen
  const { labels, room } = labelRoom(pen, c.steps.map((s) => s.label))
  const texts = c.steps.map((s) => (s.at ? figure(w, 'count', s.at.value) : ''))
  const draw = (i: number, api: Api): Shape => {
    const s = c.steps[i]!
    const bar = barAt(pen, s, texts[i]!, i, api, 1)
    if (!s.rate) return bar
    const [x = 0, y = 0] = api.coord([0, i])
    const q = s.rate.at
    const text = w.t('chart.rate', { name: s.rate.name, value: figure(w, 'share', q.value), low: figure(w, 'share', q.low), high: figure(w, 'share', q.high) })
    return group([bar, word(p, text, x + 2, y + barHeight / 2 + 4, 'left', { color: p.quiet, size: 12, below: true })])
  }
  return {
    ...base(pen),
    grid: { left: room, right: figureRoom(texts), top: 0, bottom: 0 },
    xAxis: valueAxis(pen, 'count', { max: most(c.steps), axisLabel: { show: false }, splitLine: { show: false } }),
    yAxis: rowAxis(pen, labels),
    series: [series(draw, data(c.steps), (i) => told(pen, c.steps[i]!, 'count') + (c.steps[i]!.rate ? `\n${c.steps[i]!.rate!.name} ${figure(w, 'share', c.steps[i]!.rate!.at.value)} ${range(w, 'share', c.steps[i]!.rate!.at)}` : ''))],
  }
}

function liftOption(pen: Pen, c: Lift): Option {
  const { p, w } = pen
  const d = c.difference
  const { labels, room } = labelRoom(pen, [...c.arms.map((m) => m.label), d.label])
  const share = (v: number) => figure(w, 'share', v)
  const point = (v: number) => points(w, v)
  const tick = (v: number) => `${Number((100 * v).toFixed(2))}%`
  const pointTick = (v: number) => (v > 0 ? '+' : v < 0 ? '−' : '') + Number(Math.abs(100 * v).toFixed(2))
  const figures = figureRoom([...c.arms.map((m) => share(m.at!.value)), point(d.at!.value)])
  const dot = (marks: Mark[], write: (v: number) => string, of: number) => (i: number, api: Api, { coordSys: s }: Params): Shape => {
    const m = marks[i]!
    const [x = 0, y = 0] = api.coord([m.at!.value, i])
    const [low = 0] = api.coord([m.at!.low, i])
    const [high = 0] = api.coord([m.at!.high, i])
    return group([...whisker(p, low, high, y, false), sign(p, of + i, x, y, p.tones[m.tone]), word(p, write(m.at!.value), s.x + s.width + 10, y, 'left')])
  }
  const reach = 1.15 * Math.max(Math.abs(d.at!.low), Math.abs(d.at!.high), 1e-4)
  const second = { xAxisIndex: 1, yAxisIndex: 1 }
  return {
    ...base(pen),
    grid: [{ left: room, right: figures, top: 4, height: 84 }, { left: room, right: figures, top: 144, height: 48 }],
    xAxis: [
      valueAxis(pen, 'share', { max: 1.1 * most(c.arms), gridIndex: 0, axisLabel: { color: p.quiet, fontSize: 12, hideOverlap: true, formatter: tick, showMaxLabel: false } }),
      valueAxis(pen, 'share', { min: d.at!.low < 0 ? -reach : 0, max: reach, gridIndex: 1, axisLabel: { color: p.quiet, fontSize: 12, hideOverlap: true, formatter: pointTick, showMinLabel: false, showMaxLabel: false } }),
    ],
    yAxis: [rowAxis(pen, labels.slice(0, 2), { gridIndex: 0 }), rowAxis(pen, labels.slice(2), { gridIndex: 1, axisLine: { show: false } })],
    series: [
      series(dot(c.arms, share, 0), data(c.arms), (i) => told(pen, c.arms[i]!, 'share', share)),
      across(p, 0, second),
      series(dot([d], point, 2), data([d]), () => told(pen, d, 'share', point), second),
    ],
  }
}
