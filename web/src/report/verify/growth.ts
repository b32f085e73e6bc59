import type { Finding } from './verify'

/** What the room gave when it was asked for a proof since a checkpoint. */
export type Told = { name: 'growth' | 'growthHeld'; held?: string; of: { proof: string } | { refused: string } | Record<string, never> }

/** What came of each: the module's word on a proof; that a room which refuses one has a
 * log that was put back; and that nothing was checked where none came. */
export function grown(told: Told[], answers: Finding[]): { name: string; finding: Finding }[] {
  const left = [...answers]
  return told.map(({ name, of }) => {
    if ('proof' in of) return { name, finding: left.shift() ?? { check: 'growth', outcome: 'unchecked' } }
    if ('refused' in of) return { name, finding: { check: 'growth', outcome: 'fails', says: of.refused } }
    return { name, finding: { check: 'growth', outcome: 'unchecked' } }
  })
}
