import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Meta } from './meta'
import { Stopped } from './transfer'

// The room, the browser's disk and the sending are stood in for; what is tried is in
// which order they are asked, and that nothing is asked twice.
const world = vi.hoisted(() => ({
  acts: [] as string[],
  kept: undefined as Meta | undefined,
  sealed: true,
  state: 'open' as string | undefined,
  jobs: [] as { state: string; result?: unknown; reason?: { code: string; detail: string } }[],
  send: [] as (() => void)[],
  here: 'p',
}))

vi.mock('../api/client', async (real) => ({ ...(await real<object>()), queries: { invalidateQueries: () => Promise.resolve() } }))
vi.mock('./meta', async (real) => ({
  ...(await real<object>()),
  readMeta: async () => world.kept,
  removeSealed: async () => void (world.sealed = false),
  sealedBytes: async () => (world.sealed ? new Blob(['sealed']) : undefined),
}))
vi.mock('./room', () => ({
  uploadOf: async () => (world.acts.push('look'), world.state && { state: world.state, offset: 3 }),
  isHere: async (person: string) => world.here === person,
  signedIn: async () => void world.acts.push('sign in'),
  load: async (_: string, __: string, ___: string, key: string) => (world.acts.push(`load ${key}`), { id: 'job-1' }),
  job: async () => (world.acts.push('job'), world.jobs.shift()),
}))
vi.mock('./transfer', async (real) => ({
  ...(await real<object>()),
  transfer: async (t: { path?: string; made: (p: string) => void; acknowledged: (n: number) => void }) => {
    world.acts.push(`send ${t.path ?? 'new'}`)
    t.made(t.path ?? '/v1/uploads/upl-1')
    world.send.shift()?.()
    t.acknowledged(6)
  },
}))

const start: Meta = { schema: 1, id: 'a1', person: 'p', entrustment: 'e', list: 'l', change: '', state: 'sealed', rows: 2, accepted: 2, bytes: 6, tries: 0, created: '' }

async function carried(from: Meta, hold = false) {
  const { carry } = await import('./carry')
  const stop = new AbortController()
  const phases: string[] = []
  world.kept = from
  let held = hold
  vi.stubGlobal('navigator', {
    onLine: true,
    locks: { request: async (_: string, __: object, f: (lock: object | null) => Promise<boolean>) => (held ? ((held = false), f(null)) : f({})) },
  })
  const done = carry('a1', {
    signal: stop.signal,
    meta: () => world.kept,
    keep: async (m) => void (world.kept = m),
    phase: (p) => phases.push(p),
    progress: (n, of) => world.acts.push(`${n}/${of}`),
  })
  for (let i = 0; i < 200; i++) await vi.advanceTimersByTimeAsync(500)
  await done
  return phases
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('addEventListener', () => {})
  vi.stubGlobal('removeEventListener', () => {})
  Object.assign(world, { acts: [], sealed: true, state: 'open', jobs: [{ state: 'running' }, { state: 'done', result: { version: 3, changed: true, rows: 6, added: 2, removed: 1 } }], send: [], here: 'p' })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('an upload', () => {
  it('is sent, loaded and cleared away', async () => {
    const phases = await carried(start)
    expect(world.acts).toEqual(['send new', '6/6', 'load a1', 'job', 'job'])
    expect(world.kept).toMatchObject({ state: 'loaded', version: 3, same: false, diff: { added: 2, removed: 1 }, path: '/v1/uploads/upl-1', job: 'job-1' })
    expect(world.sealed).toBe(false)
    expect(phases.at(-1)).toBe('over')
  })

  it('that the room did twice says what it did, and one that changes nothing that', async () => {
    world.jobs = [{ state: 'done', result: { version: 3, changed: false, rows: 6, added: 2, removed: 1 } }]
    await carried(start)
    expect(world.kept).toMatchObject({ state: 'loaded', version: 3, same: false, diff: { added: 2, removed: 1 } })
    Object.assign(world, { sealed: true, jobs: [{ state: 'done', result: { version: 3, changed: false, rows: 6, added: 0, removed: 0 } }] })
    await carried(start)
    expect(world.kept).toMatchObject({ state: 'loaded', version: 3, same: true })
  })

  it('goes on after a cut from where the room has it, and makes no second one', async () => {
    world.send = [
      () => {
        throw new Stopped(0, 0, '')
      },
    ]
    const phases = await carried(start)
    expect(world.acts).toEqual(['send new', 'look', '3/6', 'send /v1/uploads/upl-1', '6/6', 'load a1', 'job', 'job'])
    expect(phases).toContain('waiting')
    expect(world.kept?.state).toBe('loaded')
  })

  it('waits for somebody to sign in, and goes on', async () => {
    world.send = [
      () => {
        throw new Stopped(401, 0, '')
      },
    ]
    const phases = await carried(start)
    expect(world.acts.slice(0, 3)).toEqual(['send new', 'sign in', 'look'])
    expect(phases).toContain('signing-in')
    expect(world.kept?.state).toBe('loaded')
  })

  it('that a session of somebody else does not see is kept', async () => {
    world.state = undefined
    world.here = 'q'
    const phases = await carried({ ...start, path: '/v1/uploads/upl-1' })
    expect(world.sealed).toBe(true)
    expect(world.kept?.state).toBe('sealed')
    expect(phases.at(-1)).toBe('signing-in')
  })

  it('that the room has whole is not sent again', async () => {
    world.state = 'complete'
    await carried({ ...start, path: '/v1/uploads/upl-1' })
    expect(world.acts).toEqual(['look', 'load a1', 'job', 'job'])
  })

  it('that the room or the browser has no more is over', async () => {
    world.state = 'expired'
    await carried({ ...start, path: '/v1/uploads/upl-1' })
    expect(world.acts).toEqual(['look'])
    expect(world.kept?.state).toBe('expired')
    expect(world.sealed).toBe(false)
    await carried(start)
    expect(world.kept?.state).toBe('expired')
    expect(world.acts).toEqual(['look'])
  })

  it('that was cut while it was sealed sends nothing', async () => {
    await carried({ ...start, state: 'sealing' })
    expect(world.acts).toEqual([])
    expect(world.kept?.state).toBe('cut')
    expect(world.sealed).toBe(false)
  })

  it('that is paused stays as it is', async () => {
    const phases = await carried({ ...start, paused: true })
    expect(world.acts).toEqual([])
    expect(phases).toEqual(['paused'])
    expect(world.sealed).toBe(true)
  })

  it('that is refused says why; asked again it is asked under another key', async () => {
    world.jobs = [{ state: 'failed', reason: { code: 'E_FORBIDDEN', detail: 'no' } }]
    await carried(start)
    expect(world.kept).toMatchObject({ state: 'failed', problem: { code: 'E_FORBIDDEN' } })
    world.jobs = [{ state: 'done', result: { version: 1, changed: true } }]
    await carried({ ...world.kept!, state: 'sent', tries: 1 })
    expect(world.acts.filter((a) => a.startsWith('load'))).toEqual(['load a1', 'load a1-1'])
  })

  it('that another tab carries is left to it, until that lets go', async () => {
    const phases = await carried(start, true)
    expect(world.kept?.state).toBe('loaded')
    expect(world.acts.filter((a) => a.startsWith('send'))).toEqual(['send new'])
    expect(phases[0]).toBe('sending')
  })
})
