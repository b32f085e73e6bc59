import { expect, test } from 'vitest'
import { grown } from './growth'

test('a room that refuses a proof has a log that was put back; one that gives none is not checked', () => {
  const out = grown(
    [
      { name: 'growth', of: { refused: 'it is of a log of 99 entries, and this one has 5' } },
      { name: 'growthHeld', held: 'c', of: { proof: 'p' } },
    ],
    [{ check: 'growth', outcome: 'holds' }],
  )
  expect(out.map((g) => [g.name, g.finding.outcome])).toEqual([['growth', 'fails'], ['growthHeld', 'holds']])
  expect(out[0]!.finding.says).toContain('99 entries')
  expect(grown([{ name: 'growth', of: {} }], [])[0]!.finding.outcome).toBe('unchecked')
})
