import { beforeAll, expect, test } from 'vitest'
import i18next from 'i18next'
import { diffOf } from '../../desk/meta'
import { reportJSON, reportText } from './report'
import { signed } from './diff'
import type { Meta } from '../../desk/meta'

beforeAll(() => i18next.init({ lng: 'en', resources: { en: {} }, showSupportNotice: false } as never))

test('what came and went has its sign, nothing has none, and what is not known is no number', () => {
  expect([signed(1200, '+'), signed(0, '+'), signed(undefined, '+')]).toEqual(['+1,200', '0', '—'])
  expect([signed(34, '−'), signed(0, '−'), signed(undefined, '−')]).toEqual(['−34', '0', '—'])
})

test('a load tells how its version differs where there is one before and both are known', () => {
  expect(diffOf({ rows: 1000, added: 30, removed: 20 })).toEqual({ added: 30, removed: 20 })
  expect(diffOf({ rows: 1000, added: 1000, removed: 400 })).toEqual({ added: 1000, removed: 400 })
  expect(diffOf({ rows: 1000, added: 0, removed: 0 })).toEqual({ added: 0, removed: 0 })
  expect(diffOf({ rows: 1000, added: 1000, removed: 0 })).toBeUndefined() // beside nothing
  expect(diffOf({ rows: 1000 })).toBeUndefined()
  expect(diffOf({ rows: 1000, added: 30 })).toBeUndefined()
  expect(diffOf(null)).toBeUndefined()
})

test('the report has it, or says nothing of it', () => {
  const report = { rows: 3, accepted: 3, repaired: 0, duplicates: 0, rejected: 0, no_consent: 0 }
  const meta = { entrustment: 'e', list: 'l', version: 2, change: '', created: '2026-11-23T05:05:00Z', found: { report, groups: [] } } as unknown as Meta
  const say = (key: string, of?: Record<string, unknown>) => key + (of ? JSON.stringify(of) : '')
  const text = (m: Meta) => reportText(m, say as never, { exists: () => false } as never)
  const line = 'sending.diff{"added":"1,200","removed":"34"}'
  expect(text({ ...meta, diff: { added: 1200, removed: 34 } })).toContain(line)
  expect(text(meta)).not.toContain('sending.diff')
  expect(JSON.parse(reportJSON({ ...meta, diff: { added: 1200, removed: 34 } }))).toMatchObject({ added: 1200, removed: 34, version: 2 })
  expect(JSON.parse(reportJSON(meta))).not.toHaveProperty('added')
})
