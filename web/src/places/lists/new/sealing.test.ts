import { expect, test } from 'vitest'
import type { Schemas } from '../../../api/client'
import type { Options } from '../../../desk/protocol'
import { sealingOf, shownKey } from './sealing'

// Two keys that nobody has the other half of.
const key = 'awase-seal-x25519-AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA'
const other = 'awase-seal-x25519-AgIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA'
const terms = (key: string, more = {}) => ({ schema: 'awase.terms/v1', key, fingerprint: 'as-the-server-says', entrustment: 'e', version: 3, party: 'acme', ...more }) as Schemas['Terms']
const where = { taker: { id: 'e' }, list: 'spring', change: '' } as const
const ready = { purpose: 'list', name: 'a.csv', today: '2026-11-26' } as Options

test('the fingerprint is of the key that is sealed to, whatever the server says it is', async () => {
  expect(await shownKey(terms(key))).toMatch(/^([0-9a-f]{4}-){7}[0-9a-f]{4}$/)
  expect(await shownKey(terms(key))).not.toBe(await shownKey(terms(other)))
})

test('a list is sealed to the key that was shown, under the entrustment that was chosen', () => {
  expect(sealingOf(where, ready, terms(key), terms(key, { version: 4 }))).toMatchObject({ key, version: 4, entrustment: 'e', party: 'acme', list: 'spring' })
  expect(sealingOf(where, ready, terms(key), terms(other))).toBeUndefined()
  expect(sealingOf(where, ready, terms(key), terms(key, { entrustment: 'f' }))).toBeUndefined()
})
