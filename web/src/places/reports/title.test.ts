import { expect, test } from 'vitest'
import type { Document } from './ask/question'
import { besides } from './title'

const q = (report: Document['report'], ...dims: string[]) => ({ schema: 'awase.report/v1', report, entrustment: 'e', list: 'l', dims }) as Document

test('reports of one kind by the same can be laid side by side', () => {
  expect(besides(q('profile', 'gender', 'age_band'), q('profile', 'age_band', 'gender'))).toBe(true)
  expect(besides(q('profile', 'gender'), q('profile', 'gender', 'area'))).toBe(false)
  expect(besides(q('profile', 'gender'), q('overlap', 'gender'))).toBe(false)
  expect(besides(q('size'), { ...q('size'), dims: undefined })).toBe(true)
})
