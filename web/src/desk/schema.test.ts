import { describe, expect, it } from 'vitest'
import type { Preview, PreviewColumn } from './protocol'
import { lacks, schemaOf, sentAs, today } from './schema'

const column = (name: string, use: string, more: Partial<PreviewColumn> = {}): PreviewColumn => ({ position: 1, name, use, holds: 'raw', certainty: 'certain', ground: 'agree', filled: 10, hashed: 0, spoilt: 0, yes_no: 0, ...more })
const preview = (...columns: PreviewColumn[]): Preview => ({ format: 'CSV', encoding: 'UTF-8', looked: 10, rows: 10, counted: true, columns, schema: { schema: 'awase.list/v1', region: 'JP', columns: [] } })

describe('list.yaml', () => {
  it('says each column once, and drops what is not used', () => {
    const p = preview(column('氏名', 'drop'), column('Email', 'email'), column('Email', 'email'), column('会員ランク', 'drop'), column('年齢', 'drop'), column('同意', 'consent'), column('番号', 'drop'), column('', 'drop'))
    const s = schemaOf(p, [{ use: 'drop' }, { use: 'email' }, { use: 'drop' }, { use: 'value', name: 'tier', how: 'values', values: ['gold'] }, { use: 'value', name: 'age_band', how: 'age' }, { use: 'consent' }, { use: 'key' }, { use: 'drop' }])
    expect(s).toEqual({
      schema: 'awase.list/v1',
      region: 'JP',
      columns: [
        { column: 'Email', kind: 'email' },
        { column: '会員ランク', name: 'tier', values: ['gold'] },
        { column: '年齢', name: 'age_band', generalise: { age: { width: 5, from: 20, to: 70 } } },
      ],
      consent: { column: '同意' },
      user_key: '番号',
      drop: ['氏名'],
    })
  })

  it('is not made before all is said', () => {
    const p = preview(column('a', 'open'), column('b', 'drop'), column('', 'drop'))
    const kinds = (...c: Parameters<typeof lacks>[1]) => lacks(p, c).map((l) => l.lack)
    expect(kinds({ use: 'open' }, { use: 'drop' }, { use: 'drop' })).toEqual(['open', 'identifier'])
    expect(kinds({ use: 'email' }, { use: 'cookie' }, { use: 'phone' })).toEqual(['namespace', 'unnamed'])
    expect(kinds({ use: 'email' }, { use: 'value', how: 'values', values: [] }, { use: 'drop' })).toEqual(['name', 'values'])
    expect(kinds({ use: 'consent' }, { use: 'consent' }, { use: 'drop' })).toEqual(['consents', 'identifier'])
    expect(kinds({ use: 'email' }, { use: 'drop' }, { use: 'drop' })).toEqual([])
  })
})

describe('what is sent', () => {
  it('is told by what the first rows hold', () => {
    const of = (more: Partial<PreviewColumn>) => sentAs(column('x', 'email', more), { use: 'email' }, '')
    expect([of({}), of({ hashed: 10 }), of({ hashed: 3 }), of({ filled: 0 })]).toEqual(['hash', 'asIs', 'both', 'emptyColumn'])
  })

  it('is, of people who leave a list, no more than who they are', () => {
    const sent = (use: 'value' | 'consent' | 'key' | 'email') => sentAs(column('x', 'x'), { use }, 'remove')
    expect([sent('value'), sent('consent'), sent('key'), sent('email')]).toEqual(['nothing', 'nothing', 'nothing', 'hash'])
  })
})

it('today is the day in Japan', () => {
  expect(today(new Date('2026-11-25T15:00:00Z'))).toBe('2026-11-26')
  expect(today(new Date('2026-11-25T14:59:59Z'))).toBe('2026-11-25')
})
