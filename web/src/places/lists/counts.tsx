import { useTranslation } from 'react-i18next'
import type { Report } from '../../desk/protocol'
import { number } from '../../ui/format'

/** What was found in a list: rows, accepted, repaired, duplicate, rejected. */
export function Counts({ report: r }: { report: Report }) {
  const { t } = useTranslation('lists')
  const counts: [string, string][] = [
    ['rows', number(r.rows)],
    ['accepted', number(r.accepted)],
    ['repaired', number(r.repaired)],
    ['duplicate', r.duplicates < 0 ? t('count.notCounted') : number(r.duplicates)],
    ['rejected', number(r.rejected)],
    ...(r.no_consent > 0 ? [['noConsent', number(r.no_consent)] as [string, string]] : []),
  ]
  const repairs = Object.entries(r.repairs).sort((a, b) => b[1] - a[1])
  return (
    <>
      <dl className="counts">
        {counts.map(([name, n]) => (
          <div key={name} data-kind={n === '0' ? undefined : name}>
            <dt>{t(`count.${name}` as 'count.rows')}</dt>
            <dd>{n}</dd>
          </div>
        ))}
      </dl>
      {repairs.length > 0 && (
        <p className="small quiet">
          {t('count.repairs')}
          {repairs.map(([name, n]) => t('count.repairOf', { what: t(`repair.${name}` as 'repair.space'), n: number(n) })).join(t('comma'))}
        </p>
      )}
    </>
  )
}
