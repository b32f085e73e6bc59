import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Role } from '../../../api/me'
import { scopes, scopesOf, uses, usesOf, type Scope } from './scopes'
import en from '../../../words/en/me.json'
import ja from '../../../words/ja/me.json'

/** The rows of access.yaml that an API token may ask for, by scope. */
function rows() {
  const out: Record<string, { roles: Set<string>; operator: boolean }> = {}
  for (const line of readFileSync(new URL('../../../../../api/access.yaml', import.meta.url), 'utf8').split('\n')) {
    const scope = /^\w+:.*scope: "([^"]+)"/.exec(line)?.[1]
    if (!scope) continue
    const row = (out[scope] ??= { roles: new Set(), operator: true })
    for (const r of /roles: \[([^\]]*)\]/.exec(line)![1]!.split(', ')) row.roles.add(r)
    row.operator &&= line.includes('operator: true')
  }
  return out
}

test('the scopes are those of access.yaml, with the same roles', () => {
  const law = rows()
  expect(Object.keys(law).length).toBeGreaterThan(20)
  expect(Object.keys(scopes).sort()).toEqual(Object.keys(law).sort())
  for (const [name, of] of Object.entries(scopes)) {
    expect([name, [...of.roles].sort(), 'operator' in of]).toEqual([name, [...law[name]!.roles].sort(), law[name]!.operator])
  }
})

test('each scope and use is said in both languages', () => {
  for (const words of [ja, en]) {
    expect(Object.keys(words.scope).sort()).toEqual(Object.keys(scopes).map((s) => s.replace(':', '_')).sort())
    expect(Object.keys(words.use).filter((u) => u !== 'own').sort()).toEqual(Object.keys(uses).sort())
  }
})

describe('what is offered', () => {
  const who = (operator: boolean, ...roles: Role[]) => ({ operator, roles })
  test('is what the roles allow', () => {
    expect(scopesOf(who(false, 'viewer'))).not.toContain('reports:write')
    expect(scopesOf(who(false, 'marketing'))).toContain('reports:write')
    expect(usesOf(who(false, 'adops'))).toEqual(['upload', 'reports', 'courier'])
    expect(usesOf(who(false, 'viewer'))).toEqual(['reports'])
  })
  test("is not what the operator's people alone may", () => {
    for (const s of ['requests:read', 'room:write'] satisfies Scope[]) {
      expect(scopesOf(who(false, 'privacy'))).not.toContain(s)
      expect(scopesOf(who(true, 'privacy'))).toContain(s)
    }
  })
})
