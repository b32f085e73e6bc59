import { describe, expect, it } from 'vitest'
import { asValue, proposed, unlisted } from './propose'
import type { Preview, PreviewColumn } from './protocol'
import type { Allowed } from './schema'
import { prefectures } from '../report/prefectures'

const column = (name: string, use: string, more: Partial<PreviewColumn> = {}): PreviewColumn => ({ position: 1, name, use, holds: 'raw', certainty: 'certain', ground: 'agree', filled: 10, hashed: 0, spoilt: 0, yes_no: 0, ...more })
const preview = (...columns: PreviewColumn[]): Preview => ({ format: 'CSV', encoding: 'UTF-8', looked: 10, rows: 10, counted: true, columns, schema: { schema: 'awase.list/v1', region: 'JP', columns: [] } })
const may: Allowed = { identifiers: ['email', 'phone'], columns: ['tier'], delivers: false, before: [] }
const before = [{ name: 'tier', domain: ['gold', 'silver', 'bronze', 'unknown'] }]
const rank = column('区分', 'drop', { suggested: 'column_1', values: ['gold', 'silver'] })
const tier = column('Tier', 'drop', { suggested: 'tier', named: true, values: ['gold', 'silver'] })

describe('what is proposed', () => {
  it('is what is seen, where the contract lets it', () => {
    const p = preview(column('氏名', 'drop'), column('メール', 'email'), column('端末', 'maid'), column('同意', 'consent'), rank)
    expect(proposed(p, may).map((c) => c.use)).toEqual(['drop', 'email', 'drop', 'consent', 'drop'])
  })

  it('takes a column of values for the attribute that the list had', () => {
    expect(proposed(preview(rank), { ...may, before })[0]).toEqual({ use: 'value', name: 'tier', how: 'values', values: ['gold', 'silver', 'bronze'], ground: 'asBefore' })
    // A value that the list never had makes it another column.
    expect(proposed(preview({ ...rank, values: ['gold', 'platinum'] }), { ...may, before })[0]).toEqual({ use: 'drop' })
    // The contract says it no more.
    expect(proposed(preview(rank), { ...may, columns: [], before })[0]).toEqual({ use: 'drop' })
  })

  it('takes a column whose header is an attribute of the contract, once', () => {
    expect(proposed(preview(tier, { ...tier, position: 2 }), may)).toEqual([{ use: 'value', name: 'tier', how: 'values', values: ['gold', 'silver'], ground: 'named' }, { use: 'drop' }])
    expect(proposed(preview(tier), { ...may, columns: ['rank'] })[0]).toEqual({ use: 'drop' })
  })

  it('takes the header’s word before the values’, whichever column comes first', () => {
    expect(proposed(preview(rank, tier), { ...may, before }).map((c) => c.ground)).toEqual([undefined, 'named'])
  })

  it('has the values that the list had, also where the file has others, which it names', () => {
    const file = { ...tier, values: ['ＧＯＬＤ', 'platinum'] }
    const is = proposed(preview(file), { ...may, before })[0]!
    expect(is).toEqual({ use: 'value', name: 'tier', how: 'values', values: ['gold', 'silver', 'bronze'], ground: 'named' })
    expect(unlisted(file, is)).toEqual(['platinum'])
    expect(unlisted(file, { ...is, values: [...is.values!, 'Platinum '] })).toEqual([])
    expect(unlisted(file, { use: 'drop' })).toEqual([])
    expect(unlisted(file, { ...is, how: 'prefecture' })).toEqual([])
  })

  it('never makes a domain of one value, or of none that can be shown', () => {
    for (const values of [['gold'], [], undefined]) expect(proposed(preview({ ...tier, values }), may)[0]).toEqual({ use: 'drop', ground: 'namedOnly' })
    // Of the domain that there is, one value is enough.
    expect(proposed(preview({ ...tier, values: ['gold'] }), { ...may, before })[0]).toMatchObject({ use: 'value', values: ['gold', 'silver', 'bronze'] })
    expect(proposed(preview({ ...tier, values: undefined }), { ...may, before })[0]).toMatchObject({ use: 'value', values: ['gold', 'silver', 'bronze'] })
    // Of which none is among those of the list before: they mean something else.
    expect(proposed(preview({ ...tier, values: ['1', '2'] }), { ...may, before })[0]).toEqual({ use: 'drop', ground: 'namedOnly' })
  })

  it('reads places as the list before did, and guesses nothing of bands', () => {
    const of = (domain: string[]) => proposed(preview({ ...tier, values: undefined }), { ...may, before: [{ name: 'tier', domain }] })[0]
    expect(of([...prefectures.map((p) => p.name), 'unknown'])).toEqual({ use: 'value', name: 'tier', how: 'prefecture', ground: 'named' })
    expect(of(['<20', '20-24', '>=25', 'unknown'])).toEqual({ use: 'drop', ground: 'namedOnly' })
  })

  it('chosen by hand, is the attribute with what is known of it', () => {
    expect(asValue(rank, { ...may, before }, 'tier').values).toEqual(['gold', 'silver', 'bronze'])
    expect(asValue(rank, may, 'tier').values).toEqual(['gold', 'silver'])
  })
})
