import { expect, test } from 'vitest'
import type { Schemas } from '../../api/client'
import { askedOf, wayTo } from './ways'

const notice = (kind: Schemas['EventKind'], details: Schemas['Details'], subject = 'x-1') => ({ id: 'ntc-1', event: 'evt-1', kind, title: { ja: '', en: '' }, subject, at: '2026-04-01T09:00:00Z', details }) as Schemas['Notice']

test('a report that is ready says what was asked', () => {
  const of = notice('report.ready', { entrustment: 'spring', kind: 'profile', list: 'members', dims: ['gender', 'area'] }, 'rep-1')
  expect(wayTo(of)).toBe('/reports/rep-1')
  expect(askedOf(of)).toEqual({ report: 'profile', list: 'members', campaign: undefined, dims: ['gender', 'area'] })
})

test('other notices have no question, whatever their kind of job', () => {
  expect(askedOf(notice('job.done', { kind: 'report' }))).toBeUndefined()
  expect(askedOf(notice('report.ready', { entrustment: 'spring' }))).toBeUndefined()
})
