import { api, ask, onceKey } from '../../../api/client'
import type { Me } from '../../../api/me'
import type { Invitation } from '../ask'

/** Makes an invitation that was taken back once more: the undo of it. The link is
 * another one. */
export function inviteAgain(v: Invitation, me: Me): Promise<Invitation> {
  const header = onceKey()
  if (v.person) return ask(api.POST('/v1/people/{person}/reset', { params: { path: { person: v.person }, header } }))
  if (v.party !== me.party) return ask(api.POST('/v1/invitations/first-admin', { params: { header }, body: { party: v.party, email: v.email, name: v.name } }))
  return ask(api.POST('/v1/invitations', { params: { header }, body: { email: v.email, name: v.name, roles: v.roles } }))
}
