import { describe, expect, test } from 'vitest'
import { blank, fromDocument, lacks, readsOnly, says, toDocument, whereFrom, whereOf, type Document, type Draft, type Item, type Where } from './question'

// Rows are named anew each time: what they say is what counts.
const bare = (w: Where | undefined) => w && { join: w.join, items: w.items.map((i) => (i.is === 'group' ? { ...i, id: '', rows: i.rows.map((r) => ({ ...r, id: '' })) } : { ...i, id: '' })) }

const row = (attribute: string, values: string[], not = false): Item => ({ id: '', not, is: 'in', attribute, values })

const documents: Document[] = [
  { schema: 'awase.report/v1', report: 'overlap', entrustment: 'e', list: 'spring', dims: ['matched_by'], total: true },
  { schema: 'awase.report/v1', report: 'profile', entrustment: 'e', list: 'spring', dims: ['age_band', 'gender'], where: { in: { gender: ['female'] } }, sigma: 20, index: true },
  {
    schema: 'awase.report/v1',
    report: 'profile',
    entrustment: 'e',
    list: 'spring',
    dims: ['gender'],
    where: { all: [{ in: { prefecture: ['東京都', '神奈川県'] } }, { not: { list: 'existing' } }, { any: [{ event: { category: 'job', at_least: 2, within: '30d' } }, { between: { age_band: ['25-29', '40-44'] } }] }] },
  },
  { schema: 'awase.report/v1', report: 'size', entrustment: 'e', list: 'spring', where: { any: [{ not: { in: { gender: ['male'] } } }, { list: 'other' }] } },
  { schema: 'awase.report/v1', report: 'cube', entrustment: 'e', list: 'spring', dims: ['gender'], sigma: 20 },
  { schema: 'awase.report/v1', report: 'behaviour', entrustment: 'e', dims: ['category', 'week'], measures: ['users', 'events'], categories: ['job'], window: { from: '2026-04-01', to: '2026-04-30' } },
  { schema: 'awase.report/v1', report: 'reach-frequency', entrustment: 'e', measures: ['users', 'impressions'] },
  { schema: 'awase.report/v1', report: 'delivery', entrustment: 'e', campaign: 'c', dims: ['age_band'], measures: ['users', 'clicks', 'conversions'] },
  { schema: 'awase.report/v1', report: 'lift', entrustment: 'e', campaign: 'c', recipient: 'acme', purpose: 'advertising' },
  { schema: 'awase.report/v1', report: 'attribution', entrustment: 'e', campaign: 'c', measures: ['users', 'credits'], attribution: { model: 'time-decay', click: '14d', view: '3d', half_life: '5d' } },
]

describe('a question and its fields', () => {
  test.each(documents.map((d) => [d.report + ' ' + JSON.stringify(d.where ?? ''), d] as const))('%s goes into the fields and comes back', (_, d) => {
    expect(toDocument(fromDocument(d))).toEqual(d)
  })

  test('what a kind does not have is left out, whatever was chosen before', () => {
    const d: Draft = { ...blank('size'), entrustment: 'e', list: 'spring', dims: ['gender'], measures: ['clicks'], total: true, index: true, categories: ['job'], campaign: 'c' }
    expect(toDocument(d)).toEqual({ schema: 'awase.report/v1', report: 'size', entrustment: 'e', list: 'spring' })
    expect(toDocument({ ...d, kind: 'cube', where: { join: 'all', items: [row('gender', ['female'])] } })).not.toHaveProperty('where')
  })

  test('a report that was released names what the question has anyway', () => {
    const d = fromDocument({ schema: 'awase.report/v1', report: 'attribution', entrustment: 'e', campaign: 'c', list: 'spring', dims: ['touch', 'gender'], measures: ['users', 'credits'] })
    expect(d.dims).toEqual(['gender'])
    expect(d.list).toBe('') // the campaign's own
    expect(toDocument(d)).not.toHaveProperty('list')
  })

  test('how many are expected is no part of the question', () => {
    expect(JSON.stringify(toDocument({ ...blank('size'), entrustment: 'e', list: 'l', expect: '2000' }))).not.toContain('2000')
  })
})

describe('conditions', () => {
  test('rows that say nothing yet count for nothing', () => {
    expect(whereOf({ join: 'all', items: [row('gender', []), { id: '', is: 'group', join: 'any', rows: [] }] })).toBeUndefined()
    expect(whereOf({ join: 'all', items: [row('gender', []), row('tier', ['gold'])] })).toEqual({ in: { tier: ['gold'] } })
    expect(says({ id: '', not: false, is: 'event', category: 'job', times: 0, days: 30 })).toBe(false)
  })

  test('a group stands one level below, a single row in it as itself', () => {
    const w: Where = { join: 'all', items: [row('gender', ['female']), { id: '', is: 'group', join: 'any', rows: [row('tier', ['gold']) as never, row('tier', ['silver'], true) as never] }] }
    expect(whereOf(w)).toEqual({ all: [{ in: { gender: ['female'] } }, { any: [{ in: { tier: ['gold'] } }, { not: { in: { tier: ['silver'] } } }] }] })
    expect(bare(whereFrom(whereOf(w)))).toEqual(bare(w))
  })

  test('one that is deeper than the fields stays as it came', () => {
    const deep: Document = { schema: 'awase.report/v1', report: 'size', entrustment: 'e', list: 'l', where: { all: [{ any: [{ all: [{ list: 'a' }, { list: 'b' }] }, { list: 'c' }] }, { not: { any: [{ list: 'd' }, { list: 'e' }] } }] } }
    expect(whereFrom(deep.where)).toBeUndefined()
    expect(toDocument(fromDocument(deep))).toEqual(deep)
  })

  test('what a planning cube would have to know', () => {
    expect(readsOnly({ all: [{ in: { gender: ['f'] } }, { not: { between: { age_band: ['a', 'b'] } } }] })).toEqual({ attributes: ['gender', 'age_band'], only: true })
    expect(readsOnly({ any: [{ in: { gender: ['f'] } }, { list: 'x' }] }).only).toBe(false)
    expect(readsOnly({ event: { category: 'c', at_least: 1, within: '7d' } }).only).toBe(false)
    expect(readsOnly(undefined)).toEqual({ attributes: [], only: true })
  })
})

test('what is lacking is told before the room is asked', () => {
  expect(lacks(blank('profile'))).toEqual(['entrustment', 'list', 'dims'])
  expect(lacks({ ...blank('lift'), entrustment: 'e' })).toEqual(['campaign'])
  expect(lacks({ ...blank('behaviour'), entrustment: 'e' })).toEqual([])
  expect(lacks({ ...blank('behaviour'), entrustment: 'e', from: '2026-04-02', to: '2026-04-01' })).toEqual(['window'])
  expect(lacks({ ...blank('behaviour'), entrustment: 'e', from: '2026-04-02' })).toEqual(['window'])
})
