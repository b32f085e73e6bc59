// Carries one upload on, step by step, until it is loaded, refused or stopped.
import { queries } from '../api/client'
import { nextStep, obstacle, problemOf, type Phase } from './drive'
import { diffOf, lockName, readMeta, removeSealed, sealedBytes, unchanged, type Meta } from './meta'
import * as room from './room'
import { transfer } from './transfer'

/** What carrying shows and keeps. */
export type Line = {
  signal: AbortSignal
  meta: () => Meta | undefined
  keep: (m: Meta) => Promise<void>
  phase: (p: Phase) => void
  progress: (done: number, of: number) => void
}

const now = () => new Date().toISOString()

/** Waits, and not beyond the signal; a connection that comes back ends it. */
function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer)
      removeEventListener('online', end)
      signal.removeEventListener('abort', end)
      done()
    }
    const timer = setTimeout(end, ms)
    addEventListener('online', end)
    signal.addEventListener('abort', end)
  })
}

/** One tab carries an upload; the others look again now and then. */
export async function carry(id: string, line: Line): Promise<void> {
  for (let looks = 0; !line.signal.aborted; looks++) {
    const held = await navigator.locks.request(lockName(id), { ifAvailable: true }, async (lock) => {
      if (!lock) return false
      // Another tab may have done some of it.
      const kept = await readMeta(id)
      if (!kept) return true
      await line.keep(kept.state === 'sealing' ? await cut(kept) : kept)
      await steps(line)
      return true
    })
    if (held) return
    // The first time it may be this tab's own, which is just letting go.
    if (looks > 0) line.phase('elsewhere')
    await rest(looks > 0 ? 2_000 : 200, line.signal)
  }
}

/** What was being sealed when the page ended has no beginning that could be gone on with. */
async function cut(m: Meta): Promise<Meta> {
  await removeSealed(m.id)
  return { ...m, state: 'cut', ended: now() }
}

/** The session is of another person: what is theirs waits for them. */
class Elsewhose extends Error {}

async function steps(line: Line) {
  let tries = 0
  for (;;) {
    const m = line.meta()
    if (!m || line.signal.aborted) return
    const step = nextStep(m)
    if (step === 'none') {
      line.phase(m.paused ? 'paused' : 'over')
      return
    }
    try {
      await does[step](m, line)
      tries = 0
    } catch (err) {
      if (err instanceof Elsewhose) return line.phase('signing-in')
      const o = obstacle(err, tries++)
      if (o.do === 'stop' || line.signal.aborted) return
      if (o.do === 'fail') await line.keep({ ...(line.meta() ?? m), state: 'failed', problem: o.problem, ended: now() })
      else if (o.do === 'sign-in') await signIn(line)
      else {
        line.phase('waiting')
        await rest(o.ms, line.signal)
      }
    }
  }
}

async function signIn(line: Line) {
  line.phase('signing-in')
  try {
    await room.signedIn()
  } catch {
    await rest(2_000, line.signal)
  }
}

const does = {
  async send(m: Meta, line: Line) {
    line.phase('sending')
    if (m.path) {
      const there = await room.uploadOf(m.path)
      if (there?.state === 'complete' || there?.state === 'loaded') return line.keep({ ...m, state: 'sent' })
      if (there?.state !== 'open') return gone(m, line)
      line.progress(there.offset, m.bytes)
    }
    const bytes = await sealedBytes(m.id, m.bytes)
    if (!bytes) return gone(m, line)
    let path = m.path
    let kept = Promise.resolve()
    await transfer({
      bytes,
      entrustment: m.entrustment,
      name: m.list,
      path,
      signal: line.signal,
      made: (p) => {
        if (p === path) return
        path = p
        kept = line.keep({ ...m, path })
      },
      acknowledged: (n) => line.progress(n, m.bytes),
    })
    await kept
    await line.keep({ ...m, path, state: 'sent' })
  },

  async ask(m: Meta, line: Line) {
    line.phase('loading')
    const job = await room.load(m.path ?? '', m.entrustment, m.list, m.tries === 0 ? m.id : `${m.id}-${m.tries}`)
    await line.keep({ ...m, job: job.id, state: 'loading' })
  },

  async watch(m: Meta, line: Line) {
    line.phase('loading')
    for (let pause = 300; !line.signal.aborted; pause = Math.min(3_000, pause * 1.5)) {
      const job = await room.job(m.job ?? '')
      if (job.progress) line.progress(job.progress.read, job.progress.of)
      if (job.state === 'done') {
        const result = job.result as { version?: number; changed?: boolean; rows?: number; added?: number; removed?: number } | null | undefined
        await removeSealed(m.id)
        await line.keep({ ...m, state: 'loaded', version: result?.version, same: unchanged(result), diff: diffOf(result), ended: now() })
        void queries.invalidateQueries({ queryKey: ['lists'] })
        return
      }
      if (job.state === 'failed' || job.state === 'canceled') {
        const r = job.reason
        await removeSealed(m.id)
        await line.keep({ ...m, state: 'failed', ended: now(), problem: r ? { code: r.code, detail: r.detail, clause: r.clause, mend: r.mend } : problemOf(undefined) })
        return
      }
      await rest(pause, line.signal)
    }
  },
} satisfies Record<'send' | 'ask' | 'watch', (m: Meta, line: Line) => Promise<void>>

/** The room has it no more, or the browser: it can only be begun anew. To somebody else's
 * session the room says the same of what it has. */
async function gone(m: Meta, line: Line) {
  if (!(await room.isHere(m.person))) throw new Elsewhose()
  await removeSealed(m.id)
  await line.keep({ ...m, state: 'expired', ended: now() })
}
