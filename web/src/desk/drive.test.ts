import { describe, expect, it } from 'vitest'
import { Refusal, type Problem } from '../api/client'
import { nextStep, obstacle, problemOf } from './drive'
import type { Meta, State } from './meta'
import { Stopped } from './transfer'

const meta = (state: State, more: Partial<Meta> = {}): Meta => ({ schema: 1, id: 'a', person: 'p', entrustment: 'e', list: 'l', change: '', state, rows: 1, accepted: 1, bytes: 1, tries: 0, created: '', ...more })
const refusal = (status: number, code = 'E_X', retry = 0) => new Refusal({ type: 'urn:awase:refused', title: '', status, instance: '', code, detail: 'why' } as Problem, retry)

describe('what comes next', () => {
  it('is one step a state, and none once it is over', () => {
    expect((['sealing', 'sealed', 'sent', 'loading', 'loaded', 'failed', 'cut', 'expired'] as State[]).map((s) => nextStep(meta(s)))).toEqual(['none', 'send', 'ask', 'watch', 'none', 'none', 'none', 'none'])
  })

  it('is nothing while it is paused, but what the room has is loaded', () => {
    expect(nextStep(meta('sealed', { paused: true }))).toBe('none')
    expect(nextStep(meta('sent', { paused: true }))).toBe('ask')
  })
})

describe('an obstacle', () => {
  it('of no session asks to sign in, wherever it comes up', () => {
    expect(obstacle(new Stopped(401, 0, ''), 0)).toEqual({ do: 'sign-in' })
    expect(obstacle(refusal(401), 0)).toEqual({ do: 'sign-in' })
  })

  it('that passes is waited for', () => {
    for (const status of [0, 409, 423, 429, 500, 503, 507]) expect(obstacle(new Stopped(status, 0, ''), 2)).toEqual({ do: 'wait', ms: 4000 })
    expect(obstacle(new Stopped(429, 7, ''), 5)).toEqual({ do: 'wait', ms: 7000 })
    expect(obstacle(refusal(503, 'E_AWAY', 3), 0)).toEqual({ do: 'wait', ms: 3000 })
  })

  it('that is a refusal ends it, with what the room said', () => {
    expect(obstacle(refusal(403, 'E_FORBIDDEN'), 0)).toMatchObject({ do: 'fail', problem: { code: 'E_FORBIDDEN', detail: 'why' } })
    expect(obstacle(refusal(409, 'E_CONFLICT'), 0)).toMatchObject({ do: 'fail', problem: { code: 'E_CONFLICT' } })
    expect(obstacle(new Stopped(422, 0, JSON.stringify({ code: 'E_FILE', detail: 'no sealed file' })), 0)).toMatchObject({ do: 'fail', problem: { code: 'E_FILE', detail: 'no sealed file' } })
  })

  it('that was asked for is none', () => {
    expect(obstacle(new DOMException('stopped', 'AbortError'), 0)).toEqual({ do: 'stop' })
  })

  it('of another sort says no more than what it is', () => {
    expect(problemOf(new TypeError('hanako@example.jp'))).toEqual({ code: 'E_PAGE', detail: 'TypeError' })
    expect(problemOf(new Stopped(418, 0, '<html>'))).toEqual({ code: 'E_INTERNAL', detail: 'status 418' })
  })
})
