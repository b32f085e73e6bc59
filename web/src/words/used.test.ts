// Every word that the code names is there, and every code with which the room refuses
// has its sentence.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

type Words = { [key: string]: string | Words | string[][] }

const here = new URL('./', import.meta.url)
const src = new URL('../', import.meta.url)
const room = new URL('../../../', import.meta.url)
const places = readdirSync(new URL('ja/', here)).map((f) => f.replace('.json', ''))
const words = new Map(places.map((p) => [p, JSON.parse(readFileSync(new URL(`ja/${p}.json`, here), 'utf8')) as Words]))

function has(place: string, key: string): boolean {
  const at = (k: string) => k.split('.').reduce<unknown>((w, part) => (w as Words | undefined)?.[part], words.get(place))
  return at(key) !== undefined || at(`${key}_other`) !== undefined
}

/** The words that a file names as they are; what is put together is seen when it is shown. */
function named(text: string): string[] {
  return [...text.matchAll(/\bt\(\s*'([^'{}]+)'/g), ...text.matchAll(/\bt\([^()']*\? '([^'{}]+)' : '[^'{}]+'\s*[,)]/g), ...text.matchAll(/\bt\([^()']*\? '[^'{}]+' : '([^'{}]+)'\s*[,)]/g)].map((m) => m[1]!)
}

const sources = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((f) => /\.tsx?$/.test(f) && !f.includes('.test.'))

test('every word that is named is there', () => {
  const missing: string[] = []
  let seen = 0
  for (const file of sources) {
    const text = readFileSync(new URL(file, src), 'utf8')
    const own = [...text.matchAll(/useTranslation(?:<[^>]*>)?\(\[?([^)\]]*)/g)].flatMap((m) => [...m[1]!.matchAll(/'(\w+)'/g)].map((p) => p[1]!))
    // What is handed its words from elsewhere has them of any place.
    const from = own.length > 0 && !/\bw\.t\(|\bt: T\b/.test(text) ? own : places
    for (const key of named(text)) {
      seen++
      const [place, rest] = key.includes(':') ? [key.slice(0, key.indexOf(':')), key.slice(key.indexOf(':') + 1)] : [undefined, key]
      if (!(place ? has(place, rest) : from.some((p) => has(p, rest)))) missing.push(`${file}: ${key}`)
    }
  }
  expect(seen).toBeGreaterThan(500)
  expect(missing).toEqual([])
})

test('no word is empty', () => {
  const empty: string[] = []
  const look = (w: Words | string | string[][], at: string) => {
    if (typeof w === 'string') {
      if (w.trim() === '') empty.push(at)
    } else for (const [k, v] of Object.entries(w)) look(v as Words, `${at}.${k}`)
  }
  for (const language of ['ja', 'en']) for (const p of places) look(JSON.parse(readFileSync(new URL(`${language}/${p}.json`, here), 'utf8')) as Words, `${language}.${p}`)
  expect(empty).toEqual([])
})

/** Refusals that the page itself makes. */
const own = ['E_OFFLINE', 'E_PAGE', 'E_OTHER']

test('every code with which the room refuses has its sentence, and no other', () => {
  const codes = ['entrustment/errors.go', 'api/problem.go'].flatMap((f) => [...readFileSync(new URL(f, room), 'utf8').matchAll(/= "(E_[A-Z_]+)"/g)].map((m) => m[1]!))
  expect(codes.length).toBeGreaterThan(15)
  for (const language of ['ja', 'en']) {
    const said = JSON.parse(readFileSync(new URL(`${language}/refusals.json`, here), 'utf8')) as Record<string, { what: string; mend: string }>
    expect(Object.keys(said).sort()).toEqual([...codes, ...own].sort())
    for (const s of Object.values(said)) expect(Object.keys(s).sort()).toEqual(['mend', 'what'])
  }
})
