import { describe, expect, it } from 'vitest'
import { backoff, Rate } from './rate'

describe('rate', () => {
  it('says nothing before it can', () => {
    const r = new Rate()
    expect(r.perSecond()).toBe(0)
    expect(r.left(100)).toBeUndefined()
    r.add(10, 1000)
    r.add(12, 1100)
    expect(r.perSecond()).toBe(0)
  })

  it('is of the last seconds, not of all', () => {
    const r = new Rate()
    for (let s = 0; s <= 20; s++) r.add(s * 1000, s * 1000)
    for (let s = 21; s <= 40; s++) r.add(20_000 + (s - 20) * 100, s * 1000)
    expect(Math.round(r.perSecond())).toBe(100)
    expect(Math.round(r.left(23_000) ?? -1)).toBe(10)
  })

  it('begins again where the work does', () => {
    const r = new Rate()
    r.add(0, 0)
    r.add(1000, 1000)
    r.add(0, 2000)
    expect(r.perSecond()).toBe(0)
    r.add(50, 3000)
    expect(r.perSecond()).toBe(50)
    r.reset()
    expect(r.left(100)).toBeUndefined()
  })

  it('never takes less than no time', () => {
    const r = new Rate()
    r.add(0, 0)
    r.add(200, 1000)
    expect(r.left(100)).toBe(0)
  })

  it('waits ever longer, and half a minute at most', () => {
    expect([0, 1, 2, 3, 20].map(backoff)).toEqual([1000, 2000, 4000, 8000, 30_000])
  })
})
