// What API tokens may be for, and for whom that is of use, as api/access.yaml has it
// (scopes.test.ts compares).
import type { Me, Role } from '../../../api/me'

const everybody: Role[] = ['admin', 'privacy', 'adops', 'marketing', 'viewer', 'auditor']

/** Which roles have an operation of each scope; operator: only those of the operator. */
export const scopes = {
  'room:read': { roles: everybody },
  'room:write': { roles: ['admin', 'privacy'], operator: true },
  'room:end': { roles: ['privacy'] },
  'officers:read': { roles: ['admin', 'privacy', 'auditor'] },
  'officers:write': { roles: ['admin', 'privacy'] },
  'ledger:read': { roles: ['admin', 'privacy', 'marketing', 'auditor'] },
  'log:read': { roles: everybody },
  'requests:read': { roles: ['privacy', 'auditor'], operator: true },
  'requests:write': { roles: ['privacy'], operator: true },
  'uploads:read': { roles: ['admin', 'privacy', 'adops', 'auditor'] },
  'uploads:write': { roles: ['adops'] },
  'data:read': { roles: ['admin', 'privacy', 'adops', 'marketing', 'auditor'] },
  'data:write': { roles: ['adops'] },
  'reports:read': { roles: everybody },
  'reports:write': { roles: ['marketing'] },
  'campaigns:read': { roles: everybody },
  'campaigns:write': { roles: ['privacy', 'marketing'] },
  'deliveries:read': { roles: ['admin', 'privacy', 'adops', 'marketing', 'auditor'] },
  'deliveries:write': { roles: ['adops'] },
  'jobs:read': { roles: everybody },
  'jobs:write': { roles: ['adops', 'marketing'] },
  'notices:read': { roles: everybody },
  'notices:write': { roles: everybody },
  'people:read': { roles: everybody },
  'me:read': { roles: everybody },
  'webhooks:read': { roles: ['admin', 'auditor'] },
  'webhooks:write': { roles: ['admin'] },
} as const satisfies Record<string, { roles: readonly Role[]; operator?: true }>

export type Scope = keyof typeof scopes

/** The scopes with which a token of somebody could do something at all. */
export function scopesOf(me: Pick<Me, 'roles' | 'operator'>): Scope[] {
  return (Object.keys(scopes) as Scope[]).filter((s) => {
    const row: { roles: readonly Role[]; operator?: true } = scopes[s]
    return (!row.operator || me.operator) && row.roles.some((r) => me.roles.includes(r))
  })
}

/** What programs commonly do, and the scopes that it takes. */
export const uses = {
  upload: ['room:read', 'uploads:write', 'data:write', 'jobs:read'],
  reports: ['room:read', 'reports:read', 'jobs:read'],
  ask: ['room:read', 'reports:read', 'reports:write', 'jobs:read'],
  courier: ['room:read', 'deliveries:read', 'deliveries:write'],
} as const satisfies Record<string, readonly Scope[]>

export type Use = keyof typeof uses

/** The common uses that somebody's roles allow whole. */
export function usesOf(me: Pick<Me, 'roles' | 'operator'>): Use[] {
  const mine = scopesOf(me)
  return (Object.keys(uses) as Use[]).filter((u) => uses[u].every((s) => mine.includes(s)))
}
