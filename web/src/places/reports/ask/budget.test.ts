import { describe, expect, test } from 'vitest'
import { bar, cheaper, fits, fitsAllAt, fitsAt, leftOf, precisionAt, returns, sigmasOf, tightest, type Account, type Ledger } from './budget'
import { blank, type Draft } from './question'

const account = (more: Partial<Account> = {}): Account => ({ recipient: 'acme', owner: 'operator', window: '30d', spent: 0.24, limit: 0.25, due: 0.005, ...more })
const charge = (rho: number, back_30d: string, back_365d = '2027-11-01T00:00:00Z') => ({ at: '', entrustment: 'e', report: 'profile', table: 'table', spec: '', rho, delta: 0, back_30d, back_365d })
const ledger: Ledger = {
  at: '2026-11-20T00:00:00Z',
  accounts: [
    {
      recipient: 'acme',
      owner: 'operator',
      windows: [],
      charges: [charge(0.02, '2026-12-10T03:00:00Z'), charge(0.004, '2026-12-03T02:00:00Z'), charge(0.006, '2026-12-02T16:00:00Z')],
      held: [{ name: 'e/c:lift', entrustment: 'e', report: 'lift', rho: 0.03, delta: 0, until: '2026-12-20T15:00:00Z' }],
    },
  ],
}

describe('what is left', () => {
  test('a price that is just left fits, however floats add up', () => {
    expect(fits(account({ spent: 0.1 + 0.2, limit: 0.35, due: 0.05 }))).toBe(true)
    expect(fits(account({ spent: 0.246 }))).toBe(false)
    expect(leftOf(account({ spent: 0.3 }))).toBe(0)
  })

  test('the account that decides is the one that does not fit, else the fullest', () => {
    const year = account({ window: '365d', spent: 0.2, limit: 2 })
    expect(tightest([year, account()])).toEqual(account())
    const short = account({ owner: 'adco', spent: 1.999, limit: 2, window: '365d' })
    expect(tightest([account(), short, year])).toEqual(short)
    expect(tightest([])).toBeUndefined()
  })

  test('a bar never says more than the whole', () => {
    const b = bar(account({ spent: 0.24, due: 0.04 }))
    expect(b.spent + b.now + b.left).toBeCloseTo(1)
    expect(b.overdrawn).toBe(true)
    expect(bar(account({ spent: 0.1, due: 0.05, limit: 0.2 }))).toEqual({ spent: 0.5, now: 0.25, left: 0.25, overdrawn: false })
  })
})

describe('what comes back', () => {
  test('by day of Japan, soonest first, what is held among it', () => {
    // 16:00 UTC on the 2nd is the 3rd in Japan.
    const back = returns(ledger, account())
    expect(back.map((b) => b.at)).toEqual(['2026-12-03T02:00:00Z', '2026-12-10T03:00:00Z', '2026-12-20T15:00:00Z'])
    expect(back[0]!.amount).toBeCloseTo(0.01)
    expect(back.map((b) => b.amount).slice(1)).toEqual([0.02, 0.03])
  })

  test('of another account nothing, of a year its own days', () => {
    expect(returns(ledger, account({ owner: 'adco' }))).toEqual([])
    expect(returns(ledger, account({ window: '365d' }))[0]!.at).toBe('2026-12-20T15:00:00Z')
  })

  test('a question fits once enough is back', () => {
    expect(fitsAt(ledger, account({ due: 0.005 }))).toBeUndefined() // now
    expect(fitsAt(ledger, account({ due: 0.02 }))).toBe('2026-12-03T02:00:00Z')
    expect(fitsAt(ledger, account({ due: 0.04 }))).toBe('2026-12-10T03:00:00Z')
    expect(fitsAt(ledger, account({ due: 0.3 }))).toBeUndefined() // never
  })

  test('and all of its accounts, when the last does', () => {
    const both = [account({ due: 0.02 }), account({ window: '365d', spent: 1.99, limit: 2, due: 0.02 })]
    expect(fitsAllAt(ledger, both)).toBe('2026-12-20T15:00:00Z')
    expect(fitsAllAt(ledger, [account({ due: 0.02 }), account({ owner: 'adco', due: 0.02 })])).toBeUndefined()
    expect(fitsAllAt(ledger, [account()])).toBeUndefined()
  })
})

describe('cheaper ways', () => {
  const d: Draft = { ...blank('profile'), entrustment: 'e', list: 'l', dims: ['gender'], index: true, total: true }
  test('what is bought beside goes first, then precision', () => {
    expect(cheaper(d, 10, [5, 10, 20, 50]).map((w) => w.what + w.name)).toEqual(['index', 'total', 'sigma20', 'sigma50'])
    expect(cheaper(d, 10, [5, 10, 20, 50])[0]!.draft).toMatchObject({ index: false, total: true, list: 'l' })
    expect(cheaper(d, 50, [5, 10, 20, 50]).map((w) => w.what)).toEqual(['index', 'total'])
    // More noise is no way where it hides what is left.
    expect(cheaper(d, 10, [5, 10, 20, 50], 0.9).map((w) => w.what)).toEqual(['index', 'total'])
  })
  test('of measures the last', () => {
    const e: Draft = { ...blank('delivery'), entrustment: 'e', campaign: 'c', measures: ['clicks', 'cost'] }
    const way = cheaper(e, 50, [50]).find((w) => w.what === 'measure')!
    expect(way.name).toBe('cost')
    expect(way.draft.measures).toEqual(['clicks'])
  })
})

test('an interval is as wide as the noise', () => {
  expect(precisionAt({ terms: 1 }, 10)).toBe(20)
  expect(precisionAt({ terms: 4 }, 10)).toBe(40)
  expect(precisionAt({ terms: 1 }, 50)).toBe(98)
})

test('the precisions are the gate’s, or the usual ones until it is read', () => {
  const gate = { version: 1, settings: [{ key: 'sigma', value: '[20, 10]', default: false }] }
  expect(sigmasOf(gate)).toEqual([10, 20])
  expect(sigmasOf(undefined)).toEqual([5, 10, 20, 50])
})
