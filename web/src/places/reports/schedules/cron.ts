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

const aDay = 86_400_000
const japan = 9 * 3_600_000

/** How often it runs within so many days from a moment on, as the room counts. */
export function runsIn(e: Every, days: number, now: number): number {
  let runs = 0
  const end = now + days * aDay
  const midnight = Math.floor((now + japan) / aDay) * aDay // as if Japan's were UTC
  for (let day = midnight; day - japan <= end; day += aDay) {
    const date = new Date(day)
    if (e.kind === 'week' && date.getUTCDay() !== e.weekday) continue
    if (e.kind === 'month' && date.getUTCDate() !== e.date) continue
    const at = day - japan + (e.hour * 60 + e.minute) * 60_000
    if (at > now && at <= end) runs++
  }
  return runs
}

export const clock = (e: Every) => `${String(e.hour).padStart(2, '0')}:${String(e.minute).padStart(2, '0')}`
