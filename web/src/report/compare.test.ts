import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { comparable, compare, difference, differing, noiseOf, unfit, verdict } from './compare'
import { measure, users } from './measures'
import { cellsOf, readRelease, type Release } from './release'

const golden = (name: string): Release => readRelease(readFileSync(new URL(`../../../render/testdata/golden/${name}.json`, import.meta.url)))
const withSpecs = (r: Release, ...specs: string[]): Release => ({ ...r, receipt: { specs } as never })
const shifted = (r: Release, by: number): Release => ({
  ...r,
  cells: cellsOf(r).map((c) => (c.users ? { ...c, users: { value: c.users.value + by, low: c.users.low + by, high: c.users.high + by } } : c)),
})

describe('a difference', () => {
  test('has the noise of both, as squares', () => {
    expect(difference({ value: 100, low: 70, high: 130 }, { value: 200, low: 160, high: 240 }, users)).toEqual({ value: 100, low: 50, high: 150 })
  })
  test('an end cut off at 0 is as far away as the other', () => {
    expect(difference({ value: 10, low: 0, high: 40 }, { value: 100, low: 60, high: 140 }, users)).toEqual({ value: 90, low: 40, high: 140 })
  })
  test('of quotients each end counts on its own side', () => {
    const d = difference({ value: 0.1, low: 0.07, high: 0.14 }, { value: 0.2, low: 0.17, high: 0.24 }, measure('click_rate', true))
    expect(d.value).toBeCloseTo(0.1)
    expect(d.low).toBeCloseTo(0.1 - Math.hypot(0.03, 0.04))
    expect(d.high).toBeCloseTo(0.1 + Math.hypot(0.04, 0.03))
  })
})

describe('two releases', () => {
  const a = withSpecs(golden('profile'), 's1')
  test('of the same dimensions stand side by side, withheld ones without a difference', () => {
    const b = withSpecs(shifted(golden('profile'), 500), 's2')
    expect(unfit(a, b)).toBeUndefined()
    const c = compare(a, b, users)
    expect(c.noise).toBe('independent')
    expect(c.pairs.length).toBe(cellsOf(a).length)
    for (const p of c.pairs) {
      expect(!!p.difference).toBe(!p.withheldA && !p.withheldB)
      if (p.difference) expect([p.difference.value, verdict(p)]).toEqual([500, 'up'])
      else expect([p.a, p.relative, verdict(p)]).toEqual([undefined, undefined, 'unknown'])
    }
  })
  test('are told to be one where they are', () => {
    expect(compare(a, a, users).noise).toBe('same')
    expect(compare(a, a, users).pairs.every((p) => p.relative === undefined && p.difference === undefined)).toBe(true)
  })
  test('with a table in common have no interval of what reads it', () => {
    const [x, y] = [withSpecs(golden('index'), 's1', 'base'), withSpecs(golden('index'), 's2', 'base')]
    expect(noiseOf(x, y, users)).toBe('independent')
    expect(noiseOf(x, y, { name: 'index', kind: 'index' })).toBe('shared')
    expect(compare(x, y, { name: 'index', kind: 'index' }).pairs.some((p) => p.difference)).toBe(false)
    expect(comparable(x, y).map((m) => m.name)).toEqual(['users', 'index'])
  })
  test('out of one planning cube are neither one nor independent', () => {
    const [x, y] = [withSpecs(golden('bare'), 'cube'), withSpecs(shifted(golden('bare'), 100), 'cube')]
    expect(compare(x, y, users).noise).toBe('shared')
    expect(compare(x, y, users).pairs[0]!.difference).toBeUndefined()
  })
  test('whose receipts name no tables are not taken for independent', () => {
    expect(noiseOf(golden('profile'), golden('profile'), users)).toBe('shared')
  })
  test('of a lift have none: their intervals hold chance', () => {
    expect(noiseOf(withSpecs(golden('lift'), 's1'), withSpecs(golden('lift'), 's2'), users)).toBe('chance')
  })
  test('that do not fit are told why', () => {
    expect(unfit(golden('profile'), golden('overlap'))).toEqual({ reason: 'kind' })
    expect(unfit(golden('profile'), golden('prefecture'))).toEqual({ reason: 'dims' })
    const other = { ...golden('prefecture'), cells: [{ key: { prefecture: '富山県' }, status: 'withheld' as const }] }
    expect(unfit(golden('prefecture'), other)).toEqual({ reason: 'bands' })
  })
  test('of other bands are compared where both have them', () => {
    const b = { ...a, cells: [...cellsOf(a).slice(1), { key: { age_band: '20-29', gender: 'female' }, status: 'withheld' as const }] }
    const c = compare(a, withSpecs(b, 's3'), users)
    expect(c.pairs.length).toBe(cellsOf(a).length - 1)
    expect(c.alone).toEqual([cellsOf(a)[0]!.key, { age_band: '20-29', gender: 'female' }])
  })
  test('what differs is named', () => {
    const b = { ...a, list_version: 3, released_at: '2026-12-01T00:00:00Z', question: { ...(a.question as object), list: 'autumn' } as never }
    expect(differing(a, b)).toEqual(['list', 'list_version', 'released_at'])
    expect(differing(a, a)).toEqual([])
  })
})
