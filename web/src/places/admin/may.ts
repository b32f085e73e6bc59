// What of the administration somebody sees and may change, as api/access.yaml has it.
import { has, type Me } from '../../api/me'

export type Section = 'parties' | 'people' | 'tokens' | 'webhooks' | 'health' | 'attestation'

/** The sections that somebody has. */
export function sectionsOf(me: Me): Section[] {
  const out: Section[] = ['parties']
  if (has(me, 'admin', 'privacy', 'auditor')) out.push('people')
  if (has(me, 'admin', 'auditor')) out.push('tokens', 'webhooks')
  out.push('health', 'attestation')
  return out
}

/** Changes people, invitations, tokens and webhooks of the party. */
export const runsParty = (me: Me) => has(me, 'admin')

/** Registers and changes parties, and invites another party's first admin. */
export const runsRoom = (me: Me) => has(me, 'admin') && me.operator

/** Sees which acts wait for officers' signatures. */
export const seesDrafts = (me: Me) => has(me, 'admin', 'privacy', 'auditor')
