import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask, type Schemas } from '../../api/client'
import { has, type Me } from '../../api/me'
import { ButtonLink, Link } from '../../ui/button'
import { day, number, time } from '../../ui/format'
import { Badge, Load } from '../../ui/state'
import { Table } from '../../ui/table'
import { useWords } from '../../report/useWords'
import { useReports } from '../reports/data'
import { titleOf } from '../reports/title'
import { newest, uploader, type Info } from './contract'

/** What is under a contract: lists, reports, and when each expires. */
export function Data({ of: e, me }: { of: Info; me: Me }) {
  return (
    <>
      {has(me, 'admin', 'privacy', 'adops', 'marketing', 'auditor') && <Lists of={e} me={me} />}
      <Reports of={e} />
      {has(me, 'admin', 'privacy', 'adops', 'marketing', 'auditor') && <Expiries id={e.id} />}
    </>
  )
}

function Lists({ of: e, me }: { of: Info; me: Me }) {
  const { t } = useTranslation('entrustments')
  const lists = useQuery({ queryKey: ['lists', e.id], queryFn: () => ask(api.GET('/v1/entrustments/{entrustment}/lists', { params: { path: { entrustment: e.id } } })) })
  const by = uploader(newest(e))
  return (
    <section className="stack-s" aria-labelledby="lists">
      <h2 id="lists">{t('lists.title')}</h2>
      <Load of={lists}>
        {(l) =>
          l.items.length === 0 ? (
            <p className="row">
              {t(by === me.party ? 'lists.none' : 'lists.others', { party: by })}
              {by === me.party && has(me, 'adops') && <ButtonLink to="~/lists/new">{t('lists.go')}</ButtonLink>}
            </p>
          ) : (
            <Table<Schemas['List']>
              label={t('lists.title')}
              rows={l.items}
              id={(x) => x.name}
              columns={[
                { id: 'name', head: t('lists.name'), header: true, cell: (x) => <Link href={`~/lists/${e.id}/${x.name}`}>{x.name}</Link> },
                { id: 'version', head: t('lists.version'), cell: (x) => x.versions[0]?.version, num: true },
                { id: 'rows', head: t('lists.rows'), cell: (x) => number(x.versions[0]?.rows ?? 0), num: true },
                { id: 'at', head: t('lists.at'), cell: (x) => x.versions[0] && time(x.versions[0].at) },
                { id: 'until', head: t('lists.until'), cell: (x) => day(x.expires_at) },
              ]}
            />
          )
        }
      </Load>
    </section>
  )
}

function Reports({ of: e }: { of: Info }) {
  const { t } = useTranslation('entrustments')
  const w = useWords()
  const reports = useReports()
  return (
    <section className="stack-s" aria-labelledby="reports">
      <h2 id="reports">{t('reports.title')}</h2>
      <Load of={reports}>
        {(all) => {
          const own = all.filter((r) => r.entrustment === e.id && r.state === 'kept')
          if (own.length === 0) return <p>{t('reports.none')}</p>
          return (
            <ul className="plainlist">
              {own.slice(0, 8).map((r) => (
                <li key={r.id}>
                  <Link href={`~/reports/${r.id}`}>{titleOf(w, r.question)}</Link> <span className="small quiet nowrap">{time(r.released_at)}</span>
                </li>
              ))}
              {own.length > 8 && (
                <li>
                  <Link href="~/reports">{t('reports.all', { n: own.length })}</Link>
                </li>
              )}
            </ul>
          )
        }}
      </Load>
    </section>
  )
}

function Expiries({ id }: { id: string }) {
  const { t } = useTranslation('entrustments')
  const kept = useQuery({ queryKey: ['retention', id], queryFn: () => ask(api.GET('/v1/entrustments/{entrustment}/retention', { params: { path: { entrustment: id } } })) })
  return (
    <section className="stack-s" aria-labelledby="expiries">
      <h2 id="expiries">{t('expiries.title')}</h2>
      <Load of={kept}>
        {(k) => {
          const next = k.items.filter((x) => !x.expired_at).slice(0, 10)
          if (next.length === 0) return <p>{t('expiries.none')}</p>
          return (
            <Table
              label={t('expiries.title')}
              rows={next}
              id={(x) => `${x.what}-${x.log_entry}`}
              columns={[
                { id: 'what', head: t('expiries.what'), header: true, cell: (x) => t(`expiries.${x.what}`, { name: x.name ?? '', version: x.version ?? '' }) },
                { id: 'party', head: t('expiries.party'), cell: (x) => x.party },
                { id: 'until', head: t('expiries.until'), cell: (x) => day(x.expires_at) },
                { id: 'clause', head: t('expiries.clause'), cell: (x) => (x.days ? t('expiries.days', { n: x.days.replace('d', '') }) : <Badge>{t('expiries.ofContract')}</Badge>) },
              ]}
            />
          )
        }}
      </Load>
    </section>
  )
}
