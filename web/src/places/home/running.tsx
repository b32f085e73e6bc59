import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask, type Schemas } from '../../api/client'
import { has, type Me } from '../../api/me'
import { Link } from '../../ui/button'
import { bytes, percent, time } from '../../ui/format'
import { Badge, Load } from '../../ui/state'
import { useWords } from '../../report/useWords'
import { running } from '../reports/data'
import { titleOf } from '../reports/title'

type Job = Schemas['Job']

/** What the room is doing for the party: uploads on their way, lists and reports under way. */
export function Running({ me }: { me: Me }) {
  const { t } = useTranslation('home')
  const loads = has(me, 'adops')
  const jobs = useQuery({
    queryKey: ['jobs', 'running'],
    queryFn: async () => (await Promise.all((['running', 'waiting'] as const).map((state) => ask(api.GET('/v1/jobs', { params: { query: { state, limit: 20 } } }))))).flatMap((p) => p.items).filter(running),
    refetchInterval: (q) => (q.state.data?.length ? 2000 : 15_000),
  })
  const uploads = useQuery({ queryKey: ['uploads', 'open'], queryFn: () => ask(api.GET('/v1/uploads', { params: { query: { limit: 50 } } })), enabled: loads, refetchInterval: 15_000 })
  const open = (uploads.data?.items ?? []).filter((u) => u.state === 'open')
  return (
    <section className="panel stack-s" aria-labelledby="running">
      <h2 id="running">{t('running.title')}</h2>
      <Load of={jobs} lines={2}>
        {(js) =>
          js.length + open.length === 0 ? (
            <p className="quiet">{t('running.none')}</p>
          ) : (
            <ul className="plainlist">
              {open.map((u) => (
                <li key={u.id}>
                  <Badge kind="info">{t('running.upload')}</Badge> <Link href="/lists">{t('running.sent', { name: u.name, share: percent(u.size ? u.offset / u.size : 0), size: bytes(u.size) })}</Link>
                </li>
              ))}
              {js.map((j) => (
                <li key={j.id}>
                  <One job={j} />
                </li>
              ))}
            </ul>
          )
        }
      </Load>
    </section>
  )
}

function One({ job: j }: { job: Job }) {
  const { t } = useTranslation('home')
  const w = useWords()
  const s = j.subject as { question?: Parameters<typeof titleOf>[1]; name?: string }
  const report = j.kind === 'report' || j.kind === 'cube'
  return (
    <>
      <Badge kind="info">{t(j.state === 'running' ? 'running.now' : 'running.waits')}</Badge>{' '}
      <Link href={report ? `/reports/${j.id}` : '/lists'}>{report && s.question ? titleOf(w, s.question) : t(`running.${j.kind}`, { name: s.name ?? '', defaultValue: j.kind })}</Link> <span className="small quiet nowrap">{time(j.created)}</span>
    </>
  )
}
