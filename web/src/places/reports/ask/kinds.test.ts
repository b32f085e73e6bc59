import { expect, test } from 'vitest'
import type { Schemas } from '../../../api/client'
import { mayAsk, newest, readerOf, uploader, type Contract, type Info } from '../../entrustments/contract'
import { kindOf, offered, shelves, standards, start, whyNot } from './kinds'
import { lacks } from './question'

const contract = (more: Partial<Contract> = {}): Info => {
  const c: Contract = {
    id: 'spring', flow: '5-analysis', principal: 'acme', trustee: 'operator', purpose: 'statistics', basis: [{ party: 'operator', code: 'CONSENT_POLICY' }, { party: 'acme', code: 'CONSENT_27_1' }],
    identifiers: ['email'], attributes: ['age_band', 'gender', 'prefecture'], list_columns: ['tier'], events: ['job'], outputs: ['overlap', 'profile', 'size', 'cube', 'behaviour', 'reach-frequency', 'delivery', 'lift', 'attribution'],
    recipients: ['acme'], countries: { acme: 'JP' }, retention: {}, from: '2026-04-01', until: '2036-03-31', ...more,
  }
  return { id: c.id, state: 'active', version: 1, versions: [{ version: 1, state: 'active', contract: c, log_entry: 1, at: '2026-04-01T00:00:00Z' }] } as unknown as Info
}
const campaign = (more: object = {}) => ({ id: 'c', entrustment: 'spring', version: 1, document: { holdout: 10, ...more } }) as unknown as Schemas['Campaign']

test('every standard report stands on one shelf', () => {
  expect(shelves.flatMap((s) => s.of).sort()).toEqual([...standards].sort())
})

test('each can be asked where the contract has it all, and begins as a whole question but for the list', () => {
  const e = contract()
  for (const s of standards) {
    expect(whyNot(s, e, 'acme', [campaign()]), s).toBeUndefined()
    expect(lacks(start(s, newest(e), campaign())).filter((l) => l !== 'list'), s).toEqual([])
    expect(start(s, newest(e), campaign()).kind).toBe(kindOf(s))
  }
})

test('what it lacks is why not', () => {
  expect(whyNot('profile', contract({ outputs: ['overlap'] }), 'acme', [])).toBe('output')
  expect(whyNot('profile', contract(), 'rival', [])).toBe('asker')
  expect(whyNot('regions', contract({ attributes: ['gender'] }), 'acme', [])).toBe('attributes')
  expect(whyNot('tier', contract({ list_columns: [] }), 'acme', [])).toBe('columns')
  expect(whyNot('behaviour', contract({ events: [] }), 'acme', [])).toBe('events')
  expect(whyNot('delivery', contract(), 'acme', [])).toBe('campaign')
  expect(whyNot('delivery', contract(), 'acme', [{ ...campaign(), version: 0 }])).toBe('campaign') // it waits for signatures
  expect(whyNot('lift', contract(), 'acme', [campaign({ holdout: 0 })])).toBe('holdout')
  expect(whyNot('lift', { ...contract(), state: 'expired' }, 'acme', [campaign()])).toBe('over')
})

test('under several contracts the widest goes first, and under none the nearest reason is told', () => {
  const narrow = contract({ id: 'narrow', outputs: ['profile'] })
  expect(offered('profile', [narrow, contract()], 'acme', []).under.map((e) => e.id)).toEqual(['spring', 'narrow'])
  expect(offered('lift', [narrow, contract()], 'acme', []).why).toBe('campaign')
  expect(offered('lift', [], 'acme', []).why).toBe('none')
})

test('what one reads oneself goes before what others read', () => {
  const theirs = contract({ id: 'theirs', principal: 'beta', recipients: ['beta'], trustee: 'acme' })
  const own = contract({ id: 'own', outputs: ['profile'] })
  expect(offered('profile', [theirs, own], 'acme', []).under.map((e) => e.id)).toEqual(['own', 'theirs'])
})

test('who reads where a question names nobody', () => {
  const c = (more: Partial<Contract>) => newest(contract({ recipients: ['acme', 'operator', 'adco'], ...more }))
  expect(readerOf(c({ recipients: ['adco'] }))).toBe('adco')
  expect(readerOf(c({ flow: '5-delivery' }))).toBe('acme')
  expect(readerOf(c({ flow: '5-improvement' }))).toBe('operator')
  expect(readerOf(c({ flow: '2-4-delivery', principal: 'operator', trustee: 'adco' }))).toBe('operator')
  expect(readerOf(c({ flow: '5-outsourcing', runs: '5-analysis', principal: 'operator', trustee: 'worker' }))).toBe('acme')
  expect(readerOf(c({ flow: '5-outsourcing', runs: '5-improvement', principal: 'operator', trustee: 'worker' }))).toBe('operator')
})

test('who asks and who uploads, by flow', () => {
  const c = (more: Partial<Contract>) => newest(contract(more))
  expect(mayAsk(c({}), 'acme')).toBe(true)
  expect(mayAsk(c({ flow: '5-improvement', recipients: ['operator'] }), 'acme')).toBe(false)
  expect(mayAsk(c({ flow: '5-outsourcing', runs: '5-improvement', principal: 'operator', trustee: 'worker', recipients: [] }), 'operator')).toBe(false)
  expect(mayAsk(c({ sub_trustees: [{ party: 'helper', work: ['ask'] }] }), 'helper')).toBe(true)
  expect(mayAsk(c({ sub_trustees: [{ party: 'helper', work: ['load'] }] }), 'helper')).toBe(false)
  expect(uploader(c({}))).toBe('acme')
  expect(uploader(c({ flow: '2-6-analysis', principal: 'operator', trustee: 'adco' }))).toBe('adco')
  expect(uploader(c({ flow: '5-outsourcing', runs: '5-analysis', principal: 'operator', trustee: 'worker' }))).toBe('acme')
})
