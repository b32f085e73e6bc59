import { expect, test } from 'vitest'
import { ownKey } from '../api/whose'
import type { Preview, PreviewColumn } from './protocol'
import { remember, remembered } from './remember'
import type { Allowed, Choice } from './schema'

const column = (name: string, more: Partial<PreviewColumn> = {}): PreviewColumn => ({ position: 1, name, use: 'drop', holds: 'raw', certainty: 'certain', ground: 'agree', filled: 10, hashed: 0, spoilt: 0, yes_no: 0, samples: ['h•••@e••.co.jp'], ...more })
const preview = (columns: PreviewColumn[], more: Partial<Preview> = {}): Preview => ({ format: 'CSV', encoding: 'UTF-8', looked: 10, rows: 10, counted: true, headed: true, columns, schema: { schema: 'awase.list/v1', columns: [] }, ...more })
const may: Allowed = { identifiers: ['email', 'phone', 'cookie'], columns: ['tier'], delivers: true, before: [] }
const of = { entrustment: 'e', list: 'l' }
const now = Date.parse('2026-11-26T00:00:00Z')

function store() {
  const kept = new Map<string, string>()
  return { kept, getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v) }
}

const file = preview([column('メール'), column('区分', { values: ['gold', 'silver'] }), column('番号'), column('サイト'), column('電話')])
const choices: Choice[] = [{ use: 'email' }, { use: 'value', name: 'tier', how: 'values', values: ['gold', 'silver'], ground: 'named' }, { use: 'key' }, { use: 'cookie', namespace: 'site' }, { use: 'drop' }]
const proposals: Choice[] = file.columns.map(() => ({ use: 'phone' }))

test('a list of the same header is as it was sent, in whatever order its columns stand', () => {
  const s = store()
  remember(s, 'per-a', of, file, choices, now)
  const next = preview([...file.columns].reverse())
  const got = remembered(s, 'per-a', of, next, { ...may, before: [{ name: 'tier', domain: ['gold', 'silver', 'bronze', 'unknown'] }] }, proposals, now)
  expect(got?.reverse()).toEqual([
    { use: 'email', ground: 'kept' },
    { use: 'value', name: 'tier', how: 'values', values: ['gold', 'silver', 'bronze'], ground: 'kept' },
    { use: 'key', ground: 'kept' },
    { use: 'cookie', namespace: 'site', ground: 'kept' },
    { use: 'drop', ground: 'kept' },
  ])
})

test('what would be proposed anyway keeps its reason', () => {
  const s = store()
  remember(s, 'per-a', of, file, choices, now)
  const got = remembered(s, 'per-a', of, file, may, [{ use: 'email' }, { use: 'value', name: 'tier', ground: 'named' }, { use: 'drop' }, { use: 'drop' }, { use: 'phone' }], now)
  expect(got?.map((c) => c.ground)).toEqual([undefined, 'named', 'kept', 'kept', 'kept'])
})

test('nothing but names of columns and what they were taken for is kept', () => {
  const s = store()
  remember(s, 'per-a', of, file, choices, now)
  const text = s.getItem(ownKey('per-a', 'columns'))!
  for (const value of ['gold', 'silver', '•', 'example']) expect(text).not.toContain(value)
  expect(JSON.parse(text)).toEqual([{ ...of, at: '2026-11-26T00:00:00.000Z', columns: [{ column: 'メール', use: 'email' }, { column: '区分', use: 'value', name: 'tier', how: 'values' }, { column: '番号', use: 'key' }, { column: 'サイト', use: 'cookie', namespace: 'site' }, { column: '電話', use: 'drop' }] }])
})

test('of a file whose first line may be a person nothing is kept', () => {
  const s = store()
  remember(s, 'per-a', of, preview(file.columns, { headed: false }), choices, now)
  expect(s.kept.size).toBe(0)
  remember(s, 'per-a', of, file, choices, now)
  expect(remembered(s, 'per-a', of, preview(file.columns, { headed: false }), may, proposals, now)).toBeUndefined()
})

test('consent that was dropped once is proposed again: else those who said no are taken in', () => {
  const s = store()
  remember(s, 'per-a', of, file, choices, now)
  for (const use of ['consent', 'open'] as const) expect(remembered(s, 'per-a', of, file, may, [...proposals.slice(0, 4), { use }], now)?.[4]).toEqual({ use })
})

test('it is of one person, entrustment, list and header', () => {
  const s = store()
  remember(s, 'per-a', of, file, choices, now)
  const got = (person: string, where: typeof of, p = file) => remembered(s, person, where, p, may, proposals, now)
  expect(got('per-a', of)).toBeDefined()
  expect(got('per-b', of)).toBeUndefined()
  expect(got('per-a', { ...of, list: 'm' })).toBeUndefined()
  expect(got('per-a', { ...of, entrustment: 'f' })).toBeUndefined()
  expect(got('per-a', of, preview(file.columns.slice(1)))).toBeUndefined()
  expect(got('per-a', of, preview([...file.columns, column('メール')]))).toBeUndefined()
})

test('what the contract lets no more is as proposed', () => {
  const s = store()
  remember(s, 'per-a', of, file, choices, now)
  const got = remembered(s, 'per-a', of, file, { identifiers: ['phone'], columns: [], delivers: false, before: [] }, proposals, now)
  expect(got?.map((c) => c.use)).toEqual(['phone', 'phone', 'phone', 'phone', 'drop'])
})

test('it is forgotten when it is old, when there are too many, and when it is damaged', () => {
  const s = store()
  remember(s, 'per-a', of, file, choices, now)
  expect(remembered(s, 'per-a', of, file, may, proposals, now + 179 * 86_400_000)).toBeDefined()
  expect(remembered(s, 'per-a', of, file, may, proposals, now + 181 * 86_400_000)).toBeUndefined()
  for (let i = 0; i < 40; i++) remember(s, 'per-a', { ...of, list: `l${i}` }, file, choices, now)
  expect(remembered(s, 'per-a', of, file, may, proposals, now)).toBeUndefined()
  expect(remembered(s, 'per-a', { ...of, list: 'l0' }, file, may, proposals, now)).toBeDefined()
  for (const damaged of ['{', '3', 'null', '[null]', '[{}]', JSON.stringify([{ ...of, at: new Date(now).toISOString(), columns: [null] }])]) {
    s.setItem(ownKey('per-a', 'columns'), damaged)
    expect(remembered(s, 'per-a', of, file, may, proposals, now)).toBeUndefined()
  }
})

test('a browser that keeps nothing is no fault', () => {
  const full = {
    getItem: () => {
      throw new Error('no')
    },
    setItem: () => {
      throw new Error('no')
    },
  }
  remember(full, 'per-a', of, file, choices, now)
  expect(remembered(full, 'per-a', of, file, may, proposals, now)).toBeUndefined()
})
