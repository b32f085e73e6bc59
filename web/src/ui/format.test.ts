import { beforeAll, describe, expect, test } from 'vitest'
import i18next from 'i18next'
import * as f from './format'

describe('in Japanese', () => {
  beforeAll(() => i18next.init({ lng: 'ja', resources: { ja: {} }, showSupportNotice: false } as never))
  test('times are those of Japan', () => {
    expect(f.time('2026-11-23T05:05:00Z')).toBe('2026年11月23日 14:05')
    expect(f.time('2026-11-22T15:00:00Z')).toBe('2026年11月23日 00:00')
    expect(f.day('2026-11-23')).toBe('2026年11月23日')
  })
  test('numbers have separators', () => {
    expect(f.number(1234567)).toBe('1,234,567')
    expect(f.plusMinus(1200)).toBe('±1,200')
    expect(f.percent(0.123)).toBe('12%')
  })
  test('spans', () => {
    expect(f.span(80)).toBe('1分20秒')
    expect(f.span(3700)).toBe('1時間1分')
    expect(f.span(0)).toBe('0秒')
  })
})

describe('in English', () => {
  beforeAll(async () => {
    await i18next.changeLanguage('en')
  })
  test('times name their zone', () => {
    expect(f.time('2026-11-23T05:05:00Z')).toBe('23 Nov 2026, 14:05 JST')
    expect(f.day('2026-09-01')).toBe('1 Sep 2026')
  })
  test('sizes', () => {
    expect(f.bytes(999)).toBe('999 B')
    expect(f.bytes(1500)).toBe('1.5 kB')
    expect(f.bytes(35_900_000)).toBe('36 MB')
  })
})
