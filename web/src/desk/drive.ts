// How one upload goes on: what is done next, and what an obstacle means. The steps
// can each be done again at any time without doing anything twice: an upload goes
// on from where the room has it, and the job is asked for under a key of its own.
import { Refusal, type Problem } from '../api/client'
import { over, type Meta } from './meta'
import { backoff } from './rate'
import { Stopped } from './transfer'

/** What is shown of an upload besides its meta. */
export type Phase = 'sealing' | 'sending' | 'waiting' | 'signing-in' | 'paused' | 'loading' | 'elsewhere' | 'over'

export type Step = 'send' | 'ask' | 'watch' | 'none'

/** What comes next. */
export function nextStep(m: Meta): Step {
  if (over(m.state) || m.state === 'sealing') return 'none'
  if (m.state === 'sealed') return m.paused ? 'none' : 'send'
  return m.state === 'sent' ? 'ask' : 'watch'
}

export type Obstacle =
  | { do: 'sign-in' }
  | { do: 'wait'; ms: number }
  | { do: 'stop' } // asked for
  | { do: 'fail'; problem: NonNullable<Meta['problem']> }

/** What an error on the way means; tries: how many in a row there were before. */
export function obstacle(err: unknown, tries: number): Obstacle {
  if (err instanceof DOMException && err.name === 'AbortError') return { do: 'stop' }
  const status = err instanceof Stopped ? err.status : err instanceof Refusal ? err.problem.status : -1
  const after = err instanceof Stopped || err instanceof Refusal ? err.retryAfter : 0
  if (status === 401) return { do: 'sign-in' }
  // No answer, too much at once, held by the sender before, no room on the disk, or
  // the room is away: what came is kept.
  const held = err instanceof Stopped && (status === 409 || status === 423)
  if (held || status === 0 || status === 429 || status >= 500)
    return { do: 'wait', ms: after > 0 ? after * 1000 : backoff(tries) }
  return { do: 'fail', problem: problemOf(err) }
}

export function problemOf(err: unknown): NonNullable<Meta['problem']> {
  if (err instanceof Refusal) return brief(err.problem)
  if (err instanceof Stopped) {
    try {
      return brief(JSON.parse(err.body) as Problem)
    } catch {
      return { code: 'E_INTERNAL', detail: `status ${err.status}` }
    }
  }
  return { code: 'E_PAGE', detail: err instanceof Error ? err.name : '' }
}

const brief = (p: Partial<Problem>): NonNullable<Meta['problem']> => ({ code: p.code ?? 'E_INTERNAL', detail: p.detail ?? '', clause: p.clause, mend: p.mend })
