import { expect, test } from 'vitest'
import type { Schemas } from '../../api/client'
import type { Info } from '../entrustments/contract'
import { ending, expiring, refusedLoads } from './tasks'

const now = Date.parse('2026-11-26T00:00:00Z')
const list = (name: string, expires_at: string, versions = 1) => ({ entrustment: 'e', list: { name, expires_at, versions: Array(versions).fill({}) } as unknown as Schemas['List'] })
const job = (more: object) => ({ id: 'j', kind: 'list', state: 'failed', created: '2026-11-25T00:00:00Z', subject: { entrustment: 'e', name: 'spring' }, reason: { code: 'E_FILE', detail: '' }, ...more }) as unknown as Schemas['Job']
const contract = (id: string, until: string, state = 'active') => ({ id, state, version: 1, versions: [{ contract: { until } }] }) as unknown as Info

test('lists that expire within two weeks, soonest first', () => {
  const tasks = expiring([list('late', '2026-12-08T00:00:00Z'), list('soon', '2026-11-27T00:00:00Z'), list('far', '2027-02-01T00:00:00Z'), list('empty', '2026-11-27T00:00:00Z', 0)], now)
  expect(tasks.map((t) => t.values.name)).toEqual(['soon', 'late'])
})

test('a load that was refused waits until a later one of the same list was taken, or a week is over', () => {
  expect(refusedLoads([job({})], now)).toHaveLength(1)
  expect(refusedLoads([job({}), job({ id: 'k', state: 'done', created: '2026-11-25T01:00:00Z' })], now)).toEqual([])
  expect(refusedLoads([job({}), job({ id: 'k', state: 'done', created: '2026-11-25T01:00:00Z', subject: { entrustment: 'e', name: 'other' } })], now)).toHaveLength(1)
  expect(refusedLoads([job({}), job({ id: 'k', state: 'running', created: '2026-11-25T01:00:00Z' })], now)).toHaveLength(1)
  expect(refusedLoads([job({ created: '2026-11-01T00:00:00Z' })], now)).toEqual([])
})

test('contracts that run out within two months', () => {
  const tasks = ending([contract('far', '2036-03-31'), contract('near', '2026-12-31'), contract('past', '2026-11-01', 'expired'), contract('gone', '2026-11-01', 'destroyed'), contract('new', '2026-12-01', 'upcoming')], now)
  expect(tasks.map((t) => t.what + t.values.id)).toEqual(['expiredpast', 'contractnear'])
})
