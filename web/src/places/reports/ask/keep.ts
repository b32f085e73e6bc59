// A question that is being put together stays in this tab until it was asked: a reload
// loses nothing. It holds no identifiers, and no other tab sees it.
import { useCallback, useEffect, useState } from 'react'
import type { Draft } from './question'

const drafts = (standard: string) => `awase.ask.${standard}`
const waits = (standard: string) => `awase.ask.${standard}.job`

export function keepDraft(standard: string, d: Draft) {
  sessionStorage.setItem(drafts(standard), JSON.stringify(d))
}

export function keptDraft(standard: string): Draft | undefined {
  const text = sessionStorage.getItem(drafts(standard))
  if (!text) return undefined
  try {
    return JSON.parse(text) as Draft
  } catch {
    return undefined
  }
}

export const dropDraft = (standard: string) => sessionStorage.removeItem(drafts(standard))

/** The job that a question became, while one waits for it. */
export function useWaiting(standard: string) {
  const [job, set] = useState(() => sessionStorage.getItem(waits(standard)) ?? '')
  const wait = useCallback(
    (id: string) => {
      // At once: who is done goes elsewhere in the same breath, and no effect runs then.
      if (id) sessionStorage.setItem(waits(standard), id)
      else sessionStorage.removeItem(waits(standard))
      set(id)
    },
    [standard],
  )
  return [job, wait] as const
}

/** A value that has stood still for a while. */
export function useSettled<T>(value: T, ms: number): T {
  const [settled, set] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => set(value), ms)
    return () => clearTimeout(timer)
  }, [value, ms])
  return settled
}
