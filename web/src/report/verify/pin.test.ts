import { expect, test } from 'vitest'
import { forgetPin, keepCheckpoint, keepGiven, originOf, readPin, trust } from './pin'

function store() {
  const kept = new Map<string, string>()
  return { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v), removeItem: (k: string) => void kept.delete(k) }
}
const [first, later] = [new Date('2026-11-23T00:00:00Z'), new Date('2026-11-24T00:00:00Z')]
const a = 'awase/room+0a1b2c3d+AaBb/+=='
const b = 'awase/room+11111111+Other='

test('the key first seen is kept, and another one is told', () => {
  const s = store()
  expect(trust(s, a, first, false)).toMatchObject({ changed: false, pin: { line: a, given: false, since: first.toISOString() } })
  expect(trust(s, a, later, false)).toMatchObject({ changed: false, pin: { since: first.toISOString() } })
  expect(trust(s, b, later, false)).toMatchObject({ changed: true, pin: { line: a } })
  forgetPin(s)
  expect(trust(s, b, later, false)).toMatchObject({ changed: false, pin: { line: b } })
})

test('a room to rehearse in begins anew with its key, and says what it was', () => {
  const s = store()
  trust(s, a, first, true)
  keepCheckpoint(s, 'awase/room\n9\nroot\n')
  const anew = trust(s, b, later, true)
  expect(anew).toMatchObject({ changed: false, pin: { line: b, practice: true }, before: { line: a } })
  expect(anew.pin.checkpoint).toBeUndefined() // it was of the log before
  expect(trust(s, b, later, true).before).toMatchObject({ line: a }) // every report says so, for a day, not the first that was looked at
  expect(trust(s, b, new Date('2026-11-25T00:00:01Z'), true).before).toBeUndefined()
  expect(trust(s, a, later, false)).toMatchObject({ changed: true, pin: { line: b } }) // earnest now, with another key
})

test('that a room calls itself practice takes no key of a room in earnest', () => {
  const s = store()
  trust(s, a, first, false)
  expect(trust(s, b, later, true)).toMatchObject({ changed: true, pin: { line: a } })
  keepGiven(s, a, first)
  expect(trust(s, b, later, true)).toMatchObject({ changed: true, pin: { line: a, given: true } })
})

test('a room in earnest that once called itself practice is held to its key from the first that it does not', () => {
  const s = store()
  trust(s, a, first, true) // a lie, with the genuine key
  trust(s, a, later, false)
  expect(readPin(s)?.practice).toBeUndefined()
  expect(trust(s, b, later, true)).toMatchObject({ changed: true, pin: { line: a } })
})

test('a key got by another way stands above what the server shows', () => {
  const s = store()
  trust(s, a, first, false)
  keepGiven(s, ` ${b}\n`, later)
  expect(trust(s, b, later, false)).toMatchObject({ changed: false, pin: { given: true, line: b } })
  expect(trust(s, a, later, false).changed).toBe(true)
})

test('a checkpoint never goes back', () => {
  const s = store()
  trust(s, a, first, false)
  keepCheckpoint(s, 'awase/room\n9\nroot\n')
  keepCheckpoint(s, 'awase/room\n7\nroot\n')
  expect(readPin(s)?.checkpoint).toContain('\n9\n')
  keepCheckpoint(s, 'awase/room\n12\nroot\n')
  expect(readPin(s)?.checkpoint).toContain('\n12\n')
})

test('what is no pin is none', () => {
  const s = store()
  s.setItem('awase.log-key', '{"line": 3}')
  expect(readPin(s)).toBeUndefined()
  s.setItem('awase.log-key', 'no JSON')
  expect(readPin(s)).toBeUndefined()
})

test('a line has a name and a key', () => {
  expect(originOf(a)).toBe('awase/room')
  for (const bad of ['', 'awase', 'a+b+c', 'a b+0a1b2c3d+Aa=', a + ' x']) expect(originOf(bad)).toBeUndefined()
})
