// Which places a person has, by role: what they may ask of the API (api/access.yaml).
import { has, type Me } from '../api/me'

export type Place = { to: string; name: 'home' | 'entrustments' | 'lists' | 'reports' | 'admin' }

/** Whether somebody may be at a place. Reports can be read by every role, and notices lead
 * there who has them not in the menu. */
export const mayBeAt = (me: Me, name: Place['name']) => name === 'reports' || placesOf(me).some((p) => p.name === name)

export function placesOf(me: Me): Place[] {
  const out: Place[] = [
    { to: '/', name: 'home' },
    { to: '/entrustments', name: 'entrustments' },
  ]
  if (has(me, 'adops', 'admin', 'privacy', 'auditor', 'marketing')) out.push({ to: '/lists', name: 'lists' })
  if (has(me, 'marketing', 'viewer', 'auditor', 'privacy', 'admin')) out.push({ to: '/reports', name: 'reports' })
  if (has(me, 'admin', 'privacy', 'auditor')) out.push({ to: '/admin', name: 'admin' })
  return out
}
