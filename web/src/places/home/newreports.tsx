import { useTranslation } from 'react-i18next'
import { Link } from '../../ui/button'
import { time } from '../../ui/format'
import { Load } from '../../ui/state'
import { useWords } from '../../report/useWords'
import { useReports } from '../reports/data'
import { titleOf } from '../reports/title'

/** The newest reports that the party received. */
export function NewReports() {
  const { t } = useTranslation('home')
  const w = useWords()
  const reports = useReports()
  return (
    <section className="panel stack-s" aria-labelledby="new">
      <h2 id="new">{t('reports.title')}</h2>
      <Load of={reports}>
        {(all) => {
          const kept = all.filter((r) => r.state === 'kept').slice(0, 5)
          return kept.length === 0 ? (
            <p className="quiet">{t('reports.none')}</p>
          ) : (
            <>
              <ul className="plainlist">
                {kept.map((r) => (
                  <li key={r.id}>
                    <Link href={`/reports/${r.id}`}>{titleOf(w, r.question)}</Link> <span className="small quiet nowrap">{time(r.released_at)}</span>
                  </li>
                ))}
              </ul>
              <p>
                <Link href="/reports">{t('reports.all')}</Link>
              </p>
            </>
          )
        }}
      </Load>
    </section>
  )
}
