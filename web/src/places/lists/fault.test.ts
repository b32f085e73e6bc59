// What is said of a file that is refused hangs on its sort alone, and each sort that the
// modules have is said in both languages.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { failures, sorts, type Fault } from '../../desk/protocol'
import { wordsOf } from './fault'

const room = new URL('../../../../', import.meta.url)
const fault = (more: Partial<Fault>): Fault => ({ code: 'E_FILE', field: '', detail: '', mend: '', clause: '', ...more })

test('the sorts are those of the modules', () => {
  const theirs = [...readFileSync(new URL('intake/table/fault.go', room), 'utf8').matchAll(/Sort += "(\w+)"/g)].map((m) => m[1])
  expect(theirs.length).toBeGreaterThan(10)
  expect([...sorts]).toEqual(theirs)
})

test.each(['ja', 'en'])('each has its sentences (%s), and no other', (language) => {
  const { kept: _, says: __, ...said } = (JSON.parse(readFileSync(new URL(`web/src/words/${language}/lists.json`, room), 'utf8')) as { fault: Record<string, { what: string; mend: string }> }).fault
  expect(Object.keys(said).sort()).toEqual([...sorts, ...failures].sort())
  for (const s of Object.values(said)) expect(Object.keys(s).sort()).toEqual(['mend', 'what'])
})

test('no sentence of a module decides what is said', () => {
  expect(wordsOf(fault({ sort: 'damaged', detail: 'a quote that opens in this row is never closed' }))).toBe('damaged')
  expect(wordsOf(fault({ detail: 'the file has no rows' }))).toBe('other')
  expect(wordsOf(fault({ code: 'E_DOCUMENT', sort: 'direct' }))).toBe('direct')
  expect(wordsOf(fault({ code: 'E_SEAL' }))).toBe('E_SEAL')
  expect(wordsOf(fault({ code: 'E_NO_ROOM' }))).toBe('E_NO_ROOM')
})
