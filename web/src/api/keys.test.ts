// What is kept under a key is of one shape: no two places keep other answers under the
// same, for the second would read what the first has.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const src = new URL('../', import.meta.url)

/** The keys under which something is asked, with what is asked. */
function asked(): Map<string, Set<string>> {
  const out = new Map<string, Set<string>>()
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!/\.tsx?$/.test(file) || file.includes('.test.')) continue
    const text = readFileSync(new URL(file, src), 'utf8')
    for (const m of text.matchAll(/queryKey: (\[[^\]]*\]),([\s\S]{0,160}?)queryFn: ([^\n]*)/g)) {
      if (m[2]!.includes('queryKey')) continue
      const key = m[1]!.replace(/\b[a-z]\w*\??(\.\w+)*\b(?!['\w])/gi, (word, _a, at: number, all: string) => (all[at - 1] === "'" ? word : '…'))
      out.set(key, (out.get(key) ?? new Set()).add(m[3]!.replace(/params: .*/, '').replace(/\s+/g, ' ')))
    }
  }
  return out
}

test('no key has two shapes', () => {
  const all = asked()
  expect(all.size).toBeGreaterThan(20)
  for (const [key, questions] of all) expect([key, ...questions], `kept under ${key}`).toHaveLength(2)
})
