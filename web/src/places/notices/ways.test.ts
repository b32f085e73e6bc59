import { expect, test } from 'vitest'
import type { Schemas } from '../../api/client'
import { loadedBy, ofLoad, reportOf, wayTo } from './ways'

const notice = (kind: Schemas['EventKind'], details: Schemas['Details'], subject = 'x-1') => ({ id: 'ntc-1', event: 'evt-1', kind, title: { ja: '', en: '' }, subject, at: '2026-04-01T09:00:00Z', details }) as Schemas['Notice']

test('a notice leads to its report', () => {
  const of = notice('report.ready', { entrustment: 'spring', kind: 'profile' }, 'rep-1')
  expect(reportOf(of)).toBe('rep-1')
  expect(wayTo(of)).toBe('/reports/rep-1')
})

test('a job that made one is no report', () => {
  expect(reportOf(notice('job.done', { kind: 'report' }, 'job-1'))).toBeUndefined()
  expect(wayTo(notice('report.ready', {}, 'other'))).toBe('/reports')
})

test('the notice of a load leads to the list that its job names', () => {
  const done = notice('job.done', { kind: 'list' }, 'job-1')
  const job = { id: 'job-1', kind: 'list', state: 'done', subject: { entrustment: 'spring', name: '会員' } } as unknown as Schemas['Job']
  expect(ofLoad(done)).toBe(true)
  expect(ofLoad(notice('job.done', { kind: 'report' }, 'job-2'))).toBe(false)
  expect(wayTo(done, loadedBy(job))).toBe('/lists/spring/会員')
  expect(wayTo(done, loadedBy(undefined))).toBe('/lists')
  expect(wayTo(notice('job.failed', { kind: 'list' }, 'job-1'), loadedBy(job))).toBe('/lists')
})
