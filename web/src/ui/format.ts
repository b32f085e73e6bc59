// How numbers, times and sizes are written, in both languages.
import i18next from 'i18next'

const ja = () => i18next.language === 'ja'
const locale = () => (ja() ? 'ja-JP' : 'en-GB')

export const number = (n: number, digits = 0) => new Intl.NumberFormat(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(n)

/** A number with as many digits as it has, at most n after the point. */
export const upTo = (n: number, digits: number) => new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(n)

/** The half-width of an interval: ±20. */
export const plusMinus = (n: number, digits = 0) => `±${number(n, digits)}`

export const percent = (share: number, digits = 0) => new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: digits }).format(share)

const parts = (t: string | Date, options: Intl.DateTimeFormatOptions) => {
  const out: Record<string, string> = {}
  for (const p of new Intl.DateTimeFormat(ja() ? 'ja-JP' : 'en-US', { timeZone: 'Asia/Tokyo', ...options }).formatToParts(new Date(t))) out[p.type] = p.value
  return out
}

/** 2026年11月23日 / 23 Nov 2026, of a time or of a day yyyy-mm-dd. */
export function day(t: string | Date): string {
  const at = typeof t === 'string' && t.length === 10 ? t + 'T00:00:00+09:00' : t
  if (ja()) {
    const p = parts(at, { year: 'numeric', month: 'numeric', day: 'numeric' })
    return `${p.year}年${p.month}月${p.day}日`
  }
  const p = parts(at, { year: 'numeric', month: 'short', day: 'numeric' })
  return `${p.day} ${p.month} ${p.year}`
}

/** 2026年11月23日 14:05 / 23 Nov 2026, 14:05 JST. */
export function time(t: string | Date): string {
  const p = parts(t, { hour: '2-digit', minute: '2-digit', hour12: false })
  const clock = `${p.hour === '24' ? '00' : p.hour}:${p.minute}`
  return ja() ? `${day(t)} ${clock}` : `${day(t)}, ${clock} JST`
}

export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let i = 0
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000
    i++
  }
  return `${upTo(n, n < 10 && i > 0 ? 1 : 0)} ${units[i]}`
}

/** A span of seconds: 1分20秒 / 1 min 20 s. */
export function span(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  const h = Math.floor(s / 3600)
  const m = Math.floor((s % 3600) / 60)
  const rest = s % 60
  const words = ja() ? { h: '時間', m: '分', s: '秒', gap: '' } : { h: ' h', m: ' min', s: ' s', gap: ' ' }
  const out = []
  if (h) out.push(`${h}${words.h}`)
  if (m) out.push(`${m}${words.m}`)
  if (!h && (rest || !m)) out.push(`${rest}${words.s}`)
  return out.join(words.gap)
}
