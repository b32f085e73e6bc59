import { useTranslation } from 'react-i18next'
import { day } from '../../ui/format'
import { Badge } from '../../ui/state'
import { daysLeft, endOf, newest, over, type Info } from './contract'

const tones = { upcoming: 'info', active: 'good', expired: 'warn', ended: 'warn', destroyed: undefined } as const

export function StateBadge({ of: e }: { of: Info }) {
  const { t } = useTranslation('entrustments')
  return <Badge kind={tones[e.state]}>{t(`state.${e.state}`)}</Badge>
}

/** When it begins, runs out, ends: the next of these that comes. */
export function Clock({ of: e, now }: { of: Info; now: Date }) {
  const { t } = useTranslation('entrustments')
  const c = newest(e)
  if (over(e)) return <>{t('clock.ended', { day: e.ended_at ? day(e.ended_at) : '' })}</>
  if (e.state === 'upcoming') return <>{t('clock.begins', { day: day(c.from), n: daysLeft(`${c.from}T00:00:00+09:00`, now) })}</>
  if (e.state === 'expired') return <>{t('clock.expired', { day: day(c.until), end: e.ends_at ? day(e.ends_at) : '' })}</>
  const left = daysLeft(endOf(c.until), now)
  return <>{left > 730 ? t('clock.years', { day: day(c.until), n: Math.floor(left / 365) }) : t('clock.runs', { day: day(c.until), n: left })}</>
}
