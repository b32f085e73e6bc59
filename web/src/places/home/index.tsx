import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../../api/client'
import { has, useMe, useRoom, type Me } from '../../api/me'
import { ButtonLink, Link } from '../../ui/button'
import { time } from '../../ui/format'
import { PageHead } from '../../ui/page'
import { Load } from '../../ui/state'
import { wayTo } from '../notices/ways'
import { Budgets } from './budgets'
import { Lists } from './lists'
import { NewReports } from './newreports'
import { Running } from './running'
import { Todo } from './todo'
import './home.css'

/** Mine to do, what is running, what is new: by what one's roles are for. */
export default function Home() {
  const me = useMe()
  return <Load of={me}>{(who) => who && <Shown me={who} />}</Load>
}

function Shown({ me }: { me: Me }) {
  const { t } = useTranslation('home')
  const room = useRoom()
  const now = room.data ? Date.parse(room.data.now) : Date.now()
  const asks = has(me, 'marketing')
  const loads = has(me, 'adops')
  const action = loads ? (
    <ButtonLink kind="primary" to="/lists/new">
      {t('go.lists')}
    </ButtonLink>
  ) : asks ? (
    <ButtonLink kind="primary" to="/reports/ask">
      {t('go.ask')}
    </ButtonLink>
  ) : undefined
  return (
    <>
      <PageHead title={t('title', { name: me.name })} lead={t('lead', { party: me.party })} action={action} />
      <div className="homegrid">
        <div className="stack">
          <Todo me={me} now={now} />
          {(loads || asks) && <Running me={me} />}
          {loads && <Lists me={me} now={now} />}
          {has(me, 'marketing', 'viewer', 'auditor', 'privacy', 'admin') && <NewReports />}
        </div>
        <div className="stack">
          {has(me, 'marketing', 'privacy', 'auditor', 'admin') && <Budgets me={me} />}
          <News />
        </div>
      </div>
    </>
  )
}

function News() {
  const { t, i18n } = useTranslation('home')
  const news = useQuery({ queryKey: ['notices', 'news'], queryFn: () => ask(api.GET('/v1/notices', { params: { query: { limit: 6 } } })), refetchInterval: 30_000 })
  return (
    <section className="panel stack-s" aria-labelledby="news">
      <h2 id="news">{t('news.title')}</h2>
      <Load of={news}>
        {(n) => {
          return n.items.length === 0 ? (
            <p className="quiet">{t('news.none')}</p>
          ) : (
            <>
              <ul className="plainlist">
                {n.items.map((x) => {
                  const title = x.title[i18n.language as 'ja' | 'en']
                  const to = wayTo(x)
                  const of = x.kind.startsWith('job.') && typeof x.details?.kind === 'string' ? t(`job.${x.details.kind}`, { defaultValue: '' }) : ''
                  return (
                    <li key={x.id}>
                      {to ? <Link href={to}>{title}</Link> : title}
                      {of && <span className="small"> {of}</span>} <span className="small quiet nowrap">{time(x.at)}</span>
                    </li>
                  )
                })}
              </ul>
              <p>
                <Link href="/notices">{t('news.all')}</Link>
              </p>
            </>
          )
        }}
      </Load>
    </section>
  )
}
