import { expect, test } from 'vitest'
import type { Release } from '../../../report/release'
import type { Report } from '../data'
import type { Price } from './budget'
import { assumed, shareOf, telling } from './matched'
import { blank } from './question'
import { forecast } from './useprice'

const n = (value: number) => ({ value, low: value - 20, high: value + 20 })
const release = (of: object) => ({ cells: [], list_rows: 10_000, ...of }) as unknown as Release

test('the share that a release found matched', () => {
  expect(shareOf(release({ cells: [{ key: {}, status: 'released', users: n(4200) }] }))).toBeCloseTo(0.42)
  const overlap = [{ key: { matched_by: 'email' }, status: 'released', users: n(3000) }, { key: { matched_by: 'phone' }, status: 'withheld' }]
  expect(shareOf(release({ cells: overlap, other: { status: 'released', users: n(500) } }))).toBeCloseTo(0.35)
  expect(shareOf(release({ cells: overlap, total: { status: 'released', users: n(3600) } }))).toBeCloseTo(0.36)
  expect(shareOf(release({ cells: [{ key: {}, status: 'withheld' }] }))).toBeUndefined()
  expect(shareOf(release({ cells: [{ key: {}, status: 'released', users: n(4200) }], list_rows: undefined }))).toBeUndefined()
  expect(shareOf(release({ cells: [{ key: {}, status: 'released', users: n(10_012) }] }))).toBe(1) // noise, and never more than all
})

test('the newest report of the whole list tells it', () => {
  const report = (id: string, of: Partial<Report>, question: object = {}) => ({ id, kind: 'size', state: 'kept', entrustment: 'e', list: 'spring', released_at: '2026-11-01T00:00:00Z', question, ...of }) as unknown as Report
  const d = { ...blank('profile'), entrustment: 'e', list: 'spring' }
  const others = [
    report('part', { released_at: '2026-11-20T00:00:00Z' }, { where: { in: { gender: ['female'] } } }),
    report('kind', { kind: 'profile', released_at: '2026-11-20T00:00:00Z' }),
    report('list', { list: 'other', released_at: '2026-11-20T00:00:00Z' }),
    report('contract', { entrustment: 'f', released_at: '2026-11-20T00:00:00Z' }),
    report('gone', { state: 'gone', released_at: '2026-11-20T00:00:00Z' }),
  ]
  expect(telling(others, d)).toBeUndefined()
  expect(telling([report('old', {}), ...others, report('new', { kind: 'cube', released_at: '2026-11-09T00:00:00Z' })], d)?.id).toBe('new')
  expect(telling([report('old', { list: '' })], { ...d, list: '' })).toBeUndefined()
})

test('what nobody knows is assumed, and what is no rate is the usual one', () => {
  for (const [rate, share] of [['', 0.5], ['35', 0.35], ['３５％', 0.35], ['0', 0.5], ['101', 0.5], ['x', 0.5], ['100', 1]] as const) expect(assumed({ rate }), rate).toBe(share)
  expect(assumed({ rate: undefined as never })).toBe(0.5) // of a draft that was kept before there was one
})

// A room that counts a fifth of a list of 10,000, as its condition would have it.
const room = (of: object = {}) => {
  const asked: number[] = []
  const price = async (expect: number) => {
    asked.push(expect)
    return { forecast: { people: expect || 2000, stated: expect > 0, withheld: expect && expect < 1500 ? 6 : 1, ...of } } as unknown as Price
  }
  return { asked, price }
}

test('a forecast is for who is matched: for the whole list it would be rosy', async () => {
  const r = room()
  expect(await forecast(r.price, 0, 0.4)).toMatchObject({ forecast: { people: 800, withheld: 6 } })
  expect(r.asked).toEqual([0, 800])
  expect(await forecast(room().price, 0, 1)).toMatchObject({ forecast: { people: 2000, withheld: 1 } })
})

test('what somebody expects stands, and where there is no forecast nothing is asked again', async () => {
  const r = room()
  await forecast(r.price, 3000, 0.4)
  expect(r.asked).toEqual([3000])
  for (const of of [{ missing: ['gender'] }, { unknown: ['list in the condition'] }]) {
    const without = room(of)
    await forecast(without.price, 0, 0.4)
    expect(without.asked).toEqual([0])
  }
})
