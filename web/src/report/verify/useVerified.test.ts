import { beforeEach, expect, test, vi } from 'vitest'
import type { Read } from '../useRelease'

const room = vi.hoisted(() => ({ proof: (_from: number): unknown => '', key: '', practice: false }))
vi.mock('../../api/client', async (real) => ({
  ...(await real<typeof import('../../api/client')>()),
  ask: (x: unknown) => x,
  api: { GET: async (path: string, o: { params?: { query: { from: number } } }) => {
    if (path === '/v1/log/key') return { key: room.key }
    return path === '/v1/room' ? { practice: room.practice } : room.proof(o.params!.query.from)
  } },
}))
vi.mock('./verify', () => ({
  isKey: async () => true,
  verify: async (_: Uint8Array, o: { key: string; growth: unknown[] }) => ({ verified: true, given: o.key, findings: [], growth: o.growth.map(() => ({ check: 'growth', outcome: 'holds', from: 1, to: 2 })) }),
}))
const { Refusal } = await import('../../api/client')
const { checked, checkOf } = await import('./useVerified')
const { keepCheckpoint, keepSeen, readPin } = await import('./pin')

const key = 'awase/room+0a1b2c3d+AaBb'
const checkpoint = (n: number) => `awase/room\n${n}\nroot\n`
const read = (n: number): Read => ({ bytes: new Uint8Array([n]), release: { privacy: {}, receipt: { log: { index: 1, checkpoint: checkpoint(n) } } } as unknown as Read['release'] })
const refused = (status: number) => {
  throw new Refusal({ type: 'urn:awase:refused', title: '', status, instance: '', code: status === 422 ? 'E_SPEC' : 'E_AWAY', detail: 'the log has 5 entries' })
}

beforeEach(() => {
  const kept = new Map<string, string>()
  vi.stubGlobal('localStorage', { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v), removeItem: (k: string) => void kept.delete(k) })
  Object.assign(room, { key, practice: false })
  keepSeen(localStorage, key, new Date())
  keepCheckpoint(localStorage, checkpoint(9))
})

test('a log that grew holds since the report and since the last check', async () => {
  room.proof = () => JSON.stringify({ checkpoint: checkpoint(12) })
  expect(await checked(read(5))).toMatchObject({ ok: true, growth: [{ finding: { outcome: 'holds' } }, { finding: { outcome: 'holds' } }] })
})

test('a log that is shorter than it was is told, though it gives no proof of that', async () => {
  room.proof = (from) => (from > 5 ? refused(422) : JSON.stringify({ checkpoint: checkpoint(5) }))
  expect(await checked(read(5))).toMatchObject({ ok: false, growth: [{ finding: { outcome: 'holds' } }, { finding: { outcome: 'fails', says: 'the log has 5 entries' } }] })
  expect(await checked(read(7))).toMatchObject({ ok: false, growth: [{ finding: { outcome: 'fails' } }, { finding: { outcome: 'fails' } }] })
})

test('what could not be asked was not checked, and it says so', async () => {
  room.proof = () => refused(503)
  expect(await checked(read(5))).toMatchObject({ ok: true, growth: [{ finding: { outcome: 'unchecked' } }, { finding: { outcome: 'unchecked' } }] })
})

test('other numbers under the same receipt are checked themselves', () => {
  const [a, b] = [read(5), read(5)]
  expect(checkOf(a)).toEqual(checkOf(a))
  expect(checkOf(a)).not.toEqual(checkOf(b))
})

const forged = 'awase/room+11111111+Other'
const practice = (n: number): Read => ({ ...read(n), release: { ...read(n).release, privacy: { practice: true } } as unknown as Read['release'] })

test('what a report says of itself does not choose the key: one that calls itself practice is checked by the key that is kept', async () => {
  room.proof = () => JSON.stringify({ checkpoint: checkpoint(12) })
  room.key = forged
  for (const says of [false, true]) {
    room.practice = says // and so may the server that forges it
    expect(await checked(practice(5))).toMatchObject({ ok: false, changed: true, answer: { given: key }, pin: { line: key } })
    expect(readPin(localStorage)?.line).toBe(key)
  }
})

test('a room to rehearse in that was made anew is checked by its new key, and says so', async () => {
  room.proof = () => JSON.stringify({ checkpoint: checkpoint(12) })
  keepSeen(localStorage, key, new Date(), true)
  Object.assign(room, { key: forged, practice: true })
  expect(await checked(practice(5))).toMatchObject({ ok: true, changed: false, practice: true, before: { line: key }, answer: { given: forged } })
  expect((await checked(practice(5))).before).toBeDefined()
})
