import { readFileSync } from 'node:fs'
import i18next, { type i18n } from 'i18next'
import { beforeAll, describe, expect, test } from 'vitest'
import en from '../words/en/report.json'
import ja from '../words/ja/report.json'
import { chartsOf, firstSlice, sliceDims, toneOf, type Chart } from './chart'
import { factsOf, parametersOf, withheldOf } from './facts'
import { drawable, users, type Measure } from './measures'
import { valueName, type Words } from './names'
import { layout, prefectures } from './prefectures'
import { condition, terms, title } from './question'
import { cellsOf, dimsOf, readRelease, type Release } from './release'
import { summaryOf } from './summary'
import { copyOf, headlineOf, liftLines, sheetOf } from './table'

// The releases that the Go tests hold the files to: the same words are expected here.
const golden = (name: string): Release => readRelease(readFileSync(new URL(`../../../render/testdata/golden/${name}.json`, import.meta.url)))
const all = ['attribution', 'bare', 'behaviour', 'delivery', 'index', 'lift', 'overlap', 'prefecture', 'profile', 'reach', 'unlifted', 'wide']

let words: Record<'ja' | 'en', Words>
const missing: string[] = []

beforeAll(async () => {
  const of = async (lang: 'ja' | 'en'): Promise<Words> => {
    const i: i18n = i18next.createInstance()
    await i.init({
      lng: lang, resources: { ja: { report: ja }, en: { report: en } }, defaultNS: 'report', interpolation: { escapeValue: false },
      saveMissing: true, missingKeyHandler: (_l: unknown, _n: string, key: string) => missing.push(key), showSupportNotice: false,
    } as Parameters<typeof i.init>[0])
    return { lang, t: (key, o) => String(i.t(key, o as never)), has: (key) => i.exists(key) }
  }
  words = { ja: await of('ja'), en: await of('en') }
})

/** Every chart of every measure of a release. */
const chartsIn = (w: Words, r: Release): Chart[] => drawable(r).flatMap((m) => chartsOf(w, r, m, firstSlice(r)))

describe('words', () => {
  test('bands and places', () => {
    const of = (lang: 'ja' | 'en', dim: string, v: string) => valueName(words[lang], dim, v)
    expect(of('ja', 'age_band', '<20')).toBe('20歳未満')
    expect(of('ja', 'age_band', '30-34')).toBe('30〜34歳')
    expect(of('en', 'age_band', '>=70')).toBe('≥70')
    expect(of('ja', 'salary_band', '3000000-4999999')).toBe('300万〜500万円未満')
    expect(of('en', 'salary_band', '3000000-4999999')).toBe('¥3M–5M')
    expect(of('ja', 'salary_band', '<3000000')).toBe('300万円未満')
    expect(of('ja', 'frequency', '6-9')).toBe('6〜9回')
    expect(of('ja', 'frequency', '1')).toBe('1回')
    expect(of('en', 'home', '東京都')).toBe('Tokyo')
    expect(of('en', 'gender', 'Female')).toBe('female')
    expect(of('ja', 'touch', 'click/夏')).toBe('クリック：夏')
    expect(of('ja', 'tier', 'a.b')).toBe('a.b')
    expect(of('ja', 'tier', 'unknown')).toBe('不明')
    expect(of('ja', 'colour', 'red\u202e')).toBe('red\ufffd')
    expect(of('ja', 'constructor', 'toString')).toBe('toString')
  })
  test('titles and terms are those of the files', () => {
    for (const name of all) {
      const r = golden(name)
      for (const lang of ['ja', 'en'] as const) {
        const lines = readFileSync(new URL(`../../../render/testdata/golden/${name}-${lang === 'ja' ? 'ja-colour' : 'en'}.txt`, import.meta.url), 'utf8').replace(/\u001b\[\d*m/g, '').split('\n')
        // The page quotes names as print does, the terminal as programs do.
        const head = lines.slice(0, lines.findIndex((l) => l === '')).join('').replace(/\s/g, '').replace(/"([^"]*)"/g, '“$1”')
        const wanted = [title(words[lang], r), ...terms(words[lang], r)]
        for (const s of wanted) if (name !== 'bare' || lang === 'ja') expect(head).toContain(s.replace(/\s/g, ''))
      }
    }
  })
  test('brackets stand where an "or" stands among "and"s', () => {
    const tokyo = { in: { prefecture: ['東京都', '京都府'] } }
    const f = { in: { gender: ['female'] } }
    expect(condition(words.ja, { all: [tokyo, f] })).toBe('都道府県が東京都・京都府、かつ 性別が女性')
    expect(condition(words.en, { all: [tokyo, f] })).toBe('(prefecture is Tokyo or Kyoto) and gender is female')
    expect(condition(words.ja, { any: [{ all: [tokyo, f] }, { in: { gender: ['male'] } }] })).toBe('（都道府県が東京都・京都府、かつ 性別が女性）、または 性別が男性')
    expect(condition(words.en, { all: [{ all: [{ any: [f, { in: { gender: ['male'] } }] }] }, { not: { list: 'own' } }] })).toBe('(gender is female or gender is male) and not on list “own”')
  })
})

describe('charts', () => {
  const forms = (name: string, m: Measure = users) => chartsOf(words.ja, golden(name), m, firstSlice(golden(name))).map((c) => c.form)
  test('each kind has the one that fits', () => {
    expect(forms('profile')).toEqual(['pyramid'])
    expect(forms('index', { name: 'index', kind: 'index' })).toEqual(['dots'])
    expect(forms('overlap')).toEqual(['bars'])
    expect(forms('reach')).toEqual(['columns'])
    expect(forms('lift')).toEqual(['lift', 'bars'])
    expect(forms('unlifted')).toEqual(['bars'])
    expect(forms('bare')).toEqual([])
    expect(forms('wide')).toEqual(['bars'])
    expect(forms('attribution', { name: 'credits', kind: 'thousandths' })).toEqual(['bars'])
    expect(forms('delivery')).toEqual(['bars'])
    expect(forms('behaviour')).toEqual(['bars'])
  })
  test('no release breaks any, in either language, and none says an untold number', () => {
    for (const name of all) {
      const r = golden(name)
      for (const lang of ['ja', 'en'] as const)
        for (const c of chartsIn(words[lang], r)) {
          expect(summaryOf(words[lang], c).length).toBeGreaterThan(10)
          const marks = JSON.stringify(c, (_k, v: unknown) => (v instanceof Map ? [...v.entries()] : v))
          for (const cell of cellsOf(r)) if (cell.status === 'withheld') expect(cell.users).toBeUndefined()
          expect(marks).not.toContain('NaN')
        }
    }
    expect(missing).toEqual([])
  })
  test('a pyramid has the oldest on top, men left, women right, the unknown below', () => {
    const [c] = chartsOf(words.ja, golden('profile'), users, {})
    if (c?.form !== 'pyramid') throw new Error('no pyramid')
    expect(c.rows[0]!.label).toBe('70歳以上')
    expect(c.rows.at(-1)!.label).toBe('不明')
    expect(c.sides).toEqual(['男性', '女性'])
    expect(c.rest).toEqual(['不明'])
    expect(c.rows[0]!.left.tone).not.toBe(c.rows[0]!.right.tone)
    const withheld = c.rows.flatMap((r) => [r.left, r.right]).filter((m) => m.at === undefined).length
    const male = cellsOf(golden('profile')).filter((x) => x.status === 'withheld' && x.key?.['gender'] !== 'unknown').length
    expect(withheld).toBe(male)
  })
  test('of many cells the largest thirty are drawn, and the rest is told', () => {
    const [c] = chartsOf(words.ja, golden('wide'), users, {})
    if (c?.form !== 'bars') throw new Error('no bars')
    expect(c.marks.length).toBe(30)
    expect(c.omitted!.rest).toBe(98)
    for (let i = 1; i < c.marks.length; i++) expect(c.marks[i]!.at!.value).toBeLessThanOrEqual(c.marks[i - 1]!.at!.value)
  })
  test('an index has one row a band and a sign each gender, from 0 to at least 200', () => {
    const [c] = chartsOf(words.ja, golden('index'), { name: 'index', kind: 'index' }, {})
    if (c?.form !== 'dots') throw new Error('no dots')
    expect(c.rows.length).toBe(13)
    expect(c.series.map((s) => s.name)).toEqual(['女性', '男性', '不明'])
    expect(c.zero).toBe(100)
    expect(c.top).toBeGreaterThanOrEqual(200)
    // Released, but not steady enough, is null; withheld is undefined.
    const r = golden('index')
    const marks = c.rows.flatMap((row) => row.marks)
    expect(marks.filter((m) => m.at === undefined).length).toBe(cellsOf(r).filter((x) => x.status === 'withheld').length)
    expect(marks.filter((m) => m.at === null).length).toBe(cellsOf(r).filter((x) => x.status === 'released' && !x.index).length)
  })
  test('a cube is drawn one slice at a time', () => {
    const dims = [{ name: 'prefecture', domain: prefectures.map((p) => p.name) }, { name: 'gender', domain: ['female', 'male', 'unknown'] }, { name: 'age_band', domain: ['<20', '20-29', 'unknown'] }]
    const cells = dims[0]!.domain.flatMap((p, i) => dims[1]!.domain.flatMap((g) => dims[2]!.domain.map((a) => ({ key: { prefecture: p, gender: g, age_band: a }, status: 'released' as const, users: { value: 200 + i, low: 150, high: 250 + i } }))))
    const cube = { ...golden('profile'), report: 'cube', dims, cells }
    expect(sliceDims(cube).map((d) => d.name)).toEqual(['prefecture'])
    expect(chartsOf(words.ja, cube, users, firstSlice(cube)).map((c) => c.form)).toEqual(['pyramid'])
    const [c] = chartsOf(words.ja, cube, users, { prefecture: '沖縄県' })
    if (c?.form !== 'pyramid') throw new Error('no pyramid')
    expect(c.rows[0]!.left.at!.value).toBe(246)
    const flat = { ...cube, dims: dims.slice(0, 2), cells: cells.filter((x) => x.key.age_band === '<20').map((x) => ({ ...x, key: { prefecture: x.key.prefecture, gender: x.key.gender } })) }
    expect(chartsOf(words.ja, flat, users, firstSlice(flat)).map((c) => c.form)).toEqual(['tiles'])
  })
  test('a funnel stands on the total, with the rates between', () => {
    const r = { ...golden('delivery'), total: { status: 'released' as const, users: { value: 9, low: 8, high: 10 }, sums: { impressions: { value: 900, low: 800, high: 1000 }, clicks: { value: 90, low: 80, high: 100 } }, rates: { click_rate: { value: 0.1, low: 0.08, high: 0.125 } } } }
    const [c] = chartsOf(words.ja, r, users, {})
    if (c?.form !== 'funnel') throw new Error('no funnel')
    expect(c.steps.map((s) => s.label)).toEqual(['表示回数', 'クリック数'])
    expect(c.steps[1]!.rate!.at.value).toBe(0.1)
  })
  test('one band has one colour', () => {
    const gender = { name: 'gender', domain: ['female', 'male', 'unknown'] }
    expect(toneOf(gender, 'male')).toBe(toneOf({ ...gender, domain: ['male', 'female'] }, 'Male'))
    expect(toneOf(gender, 'female')).not.toBe(toneOf(gender, 'male'))
    expect(toneOf({ name: 'tier', domain: ['gold', 'silver', 'unknown'] }, 'unknown')).toBe('quiet')
  })
})

describe('the map', () => {
  test('has the prefectures that the room has, in their order', () => {
    const go = readFileSync(new URL('../../../entrustment/prefecture.go', import.meta.url), 'utf8')
    const room = [...go.matchAll(/\{"(\S+[都道府県])", "(\w+)", (\d)\}/g)].map((m) => [m[1], m[2], Number(m[3])])
    expect(prefectures.map((p) => [p.name, p.en.toLowerCase(), p.region])).toEqual(room)
  })
  test.each([true, false])('has each prefecture once, no two in one place (wide %s)', (wide) => {
    const l = layout(wide)
    expect(new Set(l.places.map((p) => p.name)).size).toBe(47)
    expect(new Set(l.places.map((p) => `${p.column},${p.row}`)).size).toBe(47)
    for (const p of l.places) expect(p.column >= 0 && p.column < l.columns && p.row >= 0 && p.row < l.rows).toBe(true)
  })
  test('stands as Japan does', () => {
    const at = new Map(layout(true).places.map((p) => [p.name, p]))
    const [north, tokyo, osaka, south] = ['北海道', '東京都', '大阪府', '鹿児島県'].map((n) => at.get(n)!)
    expect(north!.row).toBeLessThan(tokyo!.row)
    expect(osaka!.column).toBeLessThan(tokyo!.column)
    expect(south!.row).toBeGreaterThan(osaka!.row)
    expect(south!.column).toBeLessThan(osaka!.column)
  })
})

describe('the table', () => {
  test('has every cell and sum, and no number of a withheld one', () => {
    for (const name of all) {
      const r = golden(name)
      const s = sheetOf(words.ja, r)
      expect(s.lines.filter((l) => !l.sum).length).toBe(cellsOf(r).length)
      for (const l of s.lines) {
        expect(l.entries.length).toBe(s.heads.length)
        if (l.withheld && !l.sum) expect(l.entries.slice(s.keys).map((e) => e.text).join('')).toBe('非表示（少人数保護）')
      }
    }
  })
  test('is copied with tabs, and runs no formula', () => {
    const r = golden('overlap')
    const lines = copyOf(sheetOf(words.ja, r)).split('\n')
    expect(lines[0]).toBe('突合に使った識別子\t利用者数\t誤差範囲（95％）')
    expect(lines[1]).toBe('メール\t81,234\t81,214 – 81,254')
    expect(lines.find((l) => l.startsWith('合計'))).toBe('合計\t104,690\t104,662 – 104,718')
    const bad = { ...r, dims: [{ name: 'tier', domain: ['=1+1'] }], cells: [{ key: { tier: '=1+1' }, status: 'withheld' as const }] }
    expect(copyOf(sheetOf(words.ja, bad)).split('\n')[1]).toBe("'=1+1\t非表示（少人数保護）\t")
  })
  test('headlines', () => {
    expect(headlineOf(words.ja, golden('overlap'))).toMatchObject({ label: '合計', value: '104,690', unit: '人', interval: '104,662 – 104,718' })
    expect(headlineOf(words.ja, golden('lift'))).toMatchObject({ value: '+0.51', interval: '+0.15 – +0.86' })
    expect(headlineOf(words.ja, golden('unlifted'))).toMatchObject({ withheld: true })
    expect(headlineOf(words.en, golden('bare'))).toMatchObject({ value: '8,123', unit: 'people' })
    expect(headlineOf(words.ja, golden('attribution'))).toMatchObject({ value: '9,894.623' })
    expect(headlineOf(words.ja, golden('profile'))).toBeUndefined()
  })
  test('a lift says its lines', () => {
    expect(liftLines(words.ja, golden('lift')).map((l) => `${l.name} ${l.value} ${l.interval}`.trim())).toEqual([
      '成果率（配信した人） 2.50% 2.40% – 2.60%', '成果率（ホールドアウト） 1.99% 1.65% – 2.33%', '差（ポイント） +0.51 +0.15 – +0.86', 'リフト（相対） +25.38% +6.60% – +51.20%', 'p 値（効果なし、両側） 0.0012',
    ])
  })
})

describe('about the numbers', () => {
  test('says what the files say', () => {
    for (const name of all) {
      const r = golden(name)
      const text = readFileSync(new URL(`../../../render/testdata/golden/${name}-ja-colour.txt`, import.meta.url), 'utf8').replace(/\u001b\[\d*m/g, '')
      const flat = text.replace(/[\s│]/g, '')
      for (const f of factsOf(words.ja, r)) if (f.name !== '条件') expect(flat.includes(f.text.replace(/\s/g, '')), `${name}: ${f.text}`).toBe(true)
      const w = withheldOf(words.ja, r)
      expect(!!w).toBe(r.privacy.withheld > 0)
      if (w) expect(flat).toContain(w.why.replace(/\s/g, ''))
    }
  })
  test('holds the parameters', () => {
    expect(parametersOf(words.ja, golden('bare')).map((p) => `${p.sign} ${p.value}`)).toEqual(['τ 107', 'σ 20 × √12 = 69', 'ρ 0.005', 'ε 0.43', 'δ 0.00000102'])
  })
  test('the domains stay as they were declared', () => {
    const r = golden('profile')
    chartsIn(words.ja, r)
    expect(dimsOf(r)[0]!.domain[0]).toBe('<20')
  })
})
