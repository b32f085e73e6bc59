import { expect, test } from 'vitest'
import { left, type Meta } from './meta'

const day = 86_400_000
const at = (state: Meta['state'], created: number, ended?: number) =>
  ({ state, created: new Date(created).toISOString(), ...(ended ? { ended: new Date(ended).toISOString() } : {}) }) as Meta

test('what nobody came back to is freed after a week, whoever it is of', () => {
  const now = Date.parse('2026-11-26T00:00:00Z')
  expect(left(at('sealed', now - 6.9 * day), now)).toBe(false)
  expect(left(at('sealed', now - 7 * day), now)).toBe(true)
  expect(left(at('sealing', now), now)).toBe(false)
  expect(left(at('loaded', now - 30 * day, now - day), now)).toBe(false)
  expect(left(at('loaded', now - 30 * day, now - 8 * day), now)).toBe(true)
})
