// Each word stands in both languages, and with the same things filled in.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

type Words = { [key: string]: string | Words | string[][] }

const at = (language: string) => new URL(`./${language}/`, import.meta.url)
const read = (language: string, file: string) => JSON.parse(readFileSync(new URL(file, at(language)), 'utf8')) as Words

/** All keys; of what depends on a number one, since Japanese has one form. */
function flat(words: Words, under = ''): Record<string, string> {
  const out: Record<string, string> = {}
  for (const [key, value] of Object.entries(words)) {
    const name = under + key.replace(/_(one|other)$/, '#')
    if (typeof value === 'string') out[name] = [...new Set([...value.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1]))].sort().join()
    else if (Array.isArray(value)) out[name] = String(value.length)
    else Object.assign(out, flat(value, `${name}.`))
  }
  return out
}

const files = readdirSync(at('ja'))

test('both languages have the same files', () => {
  expect(files.length).toBeGreaterThan(3)
  expect(readdirSync(at('en')).sort()).toEqual([...files].sort())
})

test.each(files)('%s has the same words in both', (file) => {
  expect(flat(read('en', file))).toEqual(flat(read('ja', file)))
})
