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

test('runs are counted from now on', () => {
  const at = (t: string) => Date.parse(t)
  const friday = at('2026-11-27T01:00:00Z') // 10:00 in Japan
  expect(runsIn({ ...usual, kind: 'day' }, 30, friday)).toBe(30)
  expect(runsIn({ ...usual, kind: 'week' }, 30, friday)).toBe(4) // 30 Nov, 7, 14, 21 Dec
  expect(runsIn({ ...usual, kind: 'week' }, 30, at('2026-11-29T01:00:00Z'))).toBe(5) // to 28 Dec
  expect(runsIn({ ...usual, kind: 'week', weekday: 5 }, 7, friday)).toBe(1) // today's has gone
  expect(runsIn({ ...usual, kind: 'week', weekday: 5, hour: 11 }, 7, friday)).toBe(1)
  expect(runsIn({ ...usual, kind: 'month' }, 365, friday)).toBe(12)
  expect(runsIn({ ...usual, kind: 'month' }, 3, friday)).toBe(0)
  expect(runsIn({ ...usual, kind: 'day', hour: 3 }, 1, at('2026-11-26T20:00:00Z'))).toBe(1) // the date of Japan
})
