import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { chartsOf, firstSlice, type Chart, type Mark } from '../chart'
import { nameFrom } from '../filename'
import { drawable } from '../measures'
import type { Words } from '../names'
import { readRelease, type Release } from '../release'
import { shadesOf } from '../shades'
import { heightOf, optionOf, type Drawn } from './option'
import type { Palette } from './palette'
import { fit, widthOf, type Shape } from './shapes'

const golden = (name: string): Release => readRelease(readFileSync(new URL(`../../../../render/testdata/golden/${name}.json`, import.meta.url)))
const all = ['attribution', 'behaviour', 'delivery', 'index', 'lift', 'overlap', 'prefecture', 'profile', 'reach', 'unlifted', 'wide']
// A word is its key here: what is drawn is looked at, not how it is said.
const w: Words = { lang: 'ja', t: (key, o) => (key === 'figure.range' ? `${String(o?.['low'])}–${String(o?.['high'])}` : key), has: () => false }
const hatch = {} as CanvasImageSource
const p: Palette = { text: '#000', quiet: '#666', line: '#ccc', ground: '#fff', raised: '#fff', font: 'sans', tones: { one: '#111111', two: '#222222', three: '#333333', four: '#444444', five: '#555555', quiet: '#777777' }, hatch }

type Series = { data: number[][]; renderItem: (params: object, api: object) => Shape; tooltip: { formatter?: (x: { dataIndex: number }) => string } }

/** Draws all marks of a chart on a page where a unit is a pixel. */
function draw(c: Drawn, width: number): Shape[] {
  const option = optionOf({ w, p, width }, c) as { series: Series[] }
  const api = { coord: ([x, y]: number[]) => [100 + (x ?? 0), 20 + (y ?? 0)], size: () => [10, 10] }
  return option.series.flatMap((s) =>
    s.data.map((_, dataIndex) => {
      s.tooltip.formatter?.({ dataIndex })
      return s.renderItem({ dataIndex, coordSys: { x: 100, y: 20, width: width - 160, height: 200 } }, api)
    }),
  )
}

const leaves = (s: Shape): Shape[] => (s.children ? s.children.flatMap(leaves) : [s])
const marksOf = (c: Chart): Mark[] => (c.form === 'pyramid' ? c.rows.flatMap((r) => [r.left, r.right]) : c.form === 'dots' ? c.rows.flatMap((r) => r.marks) : c.form === 'lift' ? [...c.arms, c.difference] : c.form === 'funnel' ? c.steps : c.form === 'tiles' ? [] : c.marks)
const chartsIn = (r: Release) => drawable(r).flatMap((m) => chartsOf(w, r, m, firstSlice(r)))
const charts = all.flatMap((name) => chartsIn(golden(name)).flatMap((c): [string, Drawn][] => (c.form === 'tiles' ? [] : [[`${name} ${c.form} ${c.title}`, c]])))

describe.each(charts)('%s', (_, c) => {
  test.each([320, 900])('is drawn %i wide, each mark in its place', (width) => {
    const shapes = draw(c, width).flatMap(leaves)
    for (const s of shapes) for (const v of Object.values({ ...s.shape }).flat(2)) expect(Number.isFinite(v)).toBe(true)
    const hatched = shapes.filter((s) => (s.style?.['fill'] as { image?: unknown })?.image === hatch)
    const marks = marksOf(c)
    expect(hatched.length).toBe(marks.filter((m) => m.at === undefined).length)
    // An interval for each number: three strokes, edged.
    expect(shapes.filter((s) => s.type === 'line' && s.style?.['lineWidth'] === 3.5).length).toBe(3 * marks.filter((m) => m.at).length)
    expect(heightOf(c)).toBeGreaterThan(40)
  })
})

test('series differ in form, not in colour alone', () => {
  const [c] = chartsOf(w, golden('index'), { name: 'index', kind: 'index' }, {})
  const signs = new Set(draw(c as Drawn, 600).flatMap(leaves).filter((s) => s.style?.['stroke'] === p.ground && s.style['fill']).map((s) => `${s.type} ${String(s.style!['fill'])}`))
  expect(new Set([...signs].map((s) => s.split(' ')[0])).size).toBe(signs.size)
})

test('shades have about as many places each, and hold every value', () => {
  const marks = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1000].map((v): Mark => ({ label: '', at: { value: v, low: v, high: v }, tone: 'one' }))
  const s = shadesOf(marks)
  expect(s.bounds.map((b) => [b.from, b.to])).toEqual([[1, 2], [3, 4], [5, 6], [7, 8], [9, 1000]])
  expect([1, 2, 3, 9, 1000].map(s.of)).toEqual([1, 1, 2, 5, 5])
  expect(shadesOf([{ label: '', at: undefined, tone: 'one' }]).bounds).toEqual([])
  expect(shadesOf(marks.slice(0, 2)).bounds.length).toBe(2)
})

test('a text is cut to its room', () => {
  expect(fit('東京都・女性', 200)).toBe('東京都・女性')
  const cut = fit('とても長い区分の名前です', 80)
  expect(cut.endsWith('…')).toBe(true)
  expect(widthOf(cut)).toBeLessThanOrEqual(80)
})

test('a file has the name that the server gives it', () => {
  expect(nameFrom(`attachment; filename="acme-profile.json"; filename*=UTF-8''acme_%E5%B9%B4%E4%BB%A3%E5%88%A5.json`)).toBe('acme_年代別.json')
  expect(nameFrom('attachment; filename="acme.json"')).toBe('acme.json')
  expect(nameFrom(`attachment; filename="a.json"; filename*=UTF-8''%E5%`)).toBe('a.json')
  expect(nameFrom(null)).toBeUndefined()
})
