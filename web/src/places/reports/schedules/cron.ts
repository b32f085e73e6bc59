// When a schedule runs: the few ways that the page offers, as cron and back, in Japan's time.
export type Every = { kind: 'day' | 'week' | 'month'; hour: number; minute: number; weekday: number; date: number }

export const usual: Every = { kind: 'week', hour: 9, minute: 0, weekday: 1, date: 1 }

export function toCron(e: Every): string {
  const at = `${e.minute} ${e.hour}`
  return e.kind === 'day' ? `${at} * * *` : e.kind === 'week' ? `${at} * * ${e.weekday}` : `${at} ${e.date} * *`
}

/** undefined: it is of another form, which is shown as it is. */
export function fromCron(cron: string): Every | undefined {
  const m = /^(\d{1,2}) (\d{1,2}) (\*|\d{1,2}) \* (\*|\d)$/.exec(cron.trim())
  if (!m) return undefined
  const at = { ...usual, minute: Number(m[1]), hour: Number(m[2]) }
  if (m[3] !== '*') return m[4] === '*' ? { ...at, kind: 'month', date: Number(m[3]) } : undefined
  return m[4] === '*' ? { ...at, kind: 'day' } : { ...at, kind: 'week', weekday: Number(m[4]) % 7 }
}

/** How often it runs in so many days, at most. */
export const runsIn = (e: Every, days: number) => (e.kind === 'day' ? days : e.kind === 'week' ? Math.ceil(days / 7) : Math.max(1, Math.round(days / 30.4)))

export const clock = (e: Every) => `${String(e.hour).padStart(2, '0')}:${String(e.minute).padStart(2, '0')}`
