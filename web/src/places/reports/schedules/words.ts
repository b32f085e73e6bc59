import { useTranslation } from 'react-i18next'
import { clock, fromCron } from './cron'

/** When a schedule runs, in words; what the page has no words for stays as it is. */
export function useCronWords() {
  const { t } = useTranslation('reports')
  return (cron: string) => {
    const e = fromCron(cron)
    if (!e) return t('cron.other', { cron })
    return t(`cron.${e.kind}`, { clock: clock(e), weekday: t(`weekday.${e.weekday as 0}`), date: e.date })
  }
}
