import { expect, test } from 'vitest'
import { queries } from './client'
import type { Me } from './me'
import { nowHere, ownKey, whenSomebodyComes } from './whose'

const person = (id: string) => ({ id }) as Me

function store(first: Record<string, string> = {}) {
  const kept = new Map(Object.entries(first))
  return { kept, get length() { return kept.size }, key: (i: number) => [...kept.keys()][i] ?? null, getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v), removeItem: (k: string) => void kept.delete(k) }
}

test('who comes after somebody else sees nothing of theirs', () => {
  const s = store()
  nowHere(person('per-a'), s, store())
  queries.setQueryData(['me'], person('per-a'))
  queries.setQueryData(['release', 'rep-1'], 'a report of their party')
  s.setItem('awase.ask.profile', '{"where": "a question of theirs"}')
  s.setItem('of.another', 'page')
  nowHere(person('per-a'), s, store()) // the same person stays
  expect(queries.getQueryData(['release', 'rep-1'])).toBeDefined()
  expect(s.kept.size).toBe(3)
  nowHere(person('per-b'), s, store())
  expect(queries.getQueryData(['release', 'rep-1'])).toBeUndefined()
  expect([...s.kept]).toEqual([['of.another', 'page'], ['awase.person', 'per-b']])
})

test('a question that was begun waits for who signs in again, and for nobody else', () => {
  queries.clear() // the tab was loaded anew
  const s = store({ 'awase.person': 'per-a', 'awase.ask.profile': '{}' })
  nowHere(null, s, store())
  nowHere(person('per-a'), s, store())
  expect(s.getItem('awase.ask.profile')).toBe('{}')
  nowHere(person('per-b'), s, store())
  expect(s.getItem('awase.ask.profile')).toBeNull()
})

test('the other tabs hear that somebody came, once', async () => {
  const s = store()
  let came = 0
  const end = await new Promise<() => void>((heard) => {
    const end = whenSomebodyComes(() => {
      came++
      heard(end)
    })
    nowHere(person('per-a'), s, store())
    nowHere(person('per-a'), s, store())
  })
  nowHere(person('per-b'), s, store())
  await expect.poll(() => came).toBe(2)
  end()
})

test('what the browser keeps for one person outlasts the tab, and not the next person', () => {
  const lasting = store({ [ownKey('per-a', 'columns')]: '[]', 'awase.theme': 'dark' })
  nowHere(person('per-a'), store(), lasting)
  nowHere(person('per-a'), store(), lasting)
  nowHere(null, store(), lasting)
  expect(lasting.getItem(ownKey('per-a', 'columns'))).toBe('[]')
  nowHere(person('per-ab'), store(), lasting)
  expect([...lasting.kept.keys()]).toEqual(['awase.theme'])
  lasting.setItem(ownKey('per-a', 'columns'), '[]')
  nowHere(person('per-b'), store({ 'awase.person': 'per-b' }), lasting) // in a tab of theirs that was opened again
  expect([...lasting.kept.keys()]).toEqual(['awase.theme'])
})
