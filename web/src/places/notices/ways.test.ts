import { expect, test } from 'vitest'
import type { Schemas } from '../../api/client'
import { reportOf, wayTo } from './ways'

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
