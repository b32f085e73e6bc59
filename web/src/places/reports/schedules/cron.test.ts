import { expect, test } from 'vitest'
import { clock, fromCron, runsIn, toCron, usual, type Every } from './cron'

test.each<Every>([
  { ...usual, kind: 'day', hour: 7, minute: 30 },
  { ...usual, kind: 'week', weekday: 0 },
  { ...usual, kind: 'month', date: 28 },
])('$kind is written and read', (e) => {
  const back = fromCron(toCron(e))!
  expect(toCron(back)).toBe(toCron(e))
  expect(back.kind).toBe(e.kind)
  expect(clock(back)).toBe(clock(e))
})

test('Sunday may be 7, and what the page has no fields for is not guessed', () => {
  expect(fromCron('0 9 * * 7')?.weekday).toBe(0)
  for (const other of ['*/5 * * * *', '0 9 1 * 1', '0 9 * 3 *', '0 9 * * 1-5', '']) expect(fromCron(other), other).toBeUndefined()
})

test('runs of a year', () => {
  expect(runsIn({ ...usual, kind: 'day' }, 30)).toBe(30)
  expect(runsIn({ ...usual, kind: 'week' }, 30)).toBe(5)
  expect(runsIn({ ...usual, kind: 'month' }, 365)).toBe(12)
  expect(runsIn({ ...usual, kind: 'month' }, 7)).toBe(1)
})
