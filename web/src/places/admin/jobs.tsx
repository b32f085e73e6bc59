import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask, type Schemas } from '../../api/client'
import { bytes, time } from '../../ui/format'
import { Progress } from '../../ui/progress'
import { Badge, Empty, Load } from '../../ui/state'
import { Table } from '../../ui/table'

type Job = Schemas['Job']

const of = (state: 'running' | 'waiting') => ask(api.GET('/v1/jobs', { params: { query: { state, limit: 50 } } })).then((p) => p.items)

/** What the room works at for the party, and what waits its turn. */
export function JobsUnderWay() {
  const { t } = useTranslation('admin')
  const jobs = useQuery({
    queryKey: ['jobs', 'underway'],
    queryFn: async () => [...(await of('running')), ...(await of('waiting'))],
    refetchInterval: (q) => (q.state.data?.length ? 2_000 : 10_000),
  })
  return (
    <section className="stack-s">
      <h2>{t('jobs.title')}</h2>
      <Load of={jobs} lines={2}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title={t('jobs.empty')}>
              <p>{t('jobs.emptyText')}</p>
            </Empty>
          ) : (
            <Table
              label={t('jobs.title')}
              rows={rows}
              id={(j) => j.id}
              columns={[
                { id: 'kind', head: t('jobs.kind'), header: true, cell: (j) => <Kind job={j} /> },
                { id: 'state', head: t('people.state'), cell: (j) => <Badge kind={j.state === 'running' ? 'info' : undefined}>{t(j.state === 'running' ? 'jobs.running' : 'jobs.waiting')}</Badge> },
                { id: 'progress', head: t('jobs.progress'), cell: (j) => (j.progress ? <Progress label={t('jobs.read')} share={j.progress.of ? j.progress.read / j.progress.of : 0} text={`${bytes(j.progress.read)} / ${bytes(j.progress.of)}`} /> : '–') },
                { id: 'since', head: t('jobs.since'), cell: (j) => time(j.started ?? j.created) },
              ]}
            />
          )
        }
      </Load>
    </section>
  )
}

function Kind({ job }: { job: Job }) {
  const { t, i18n } = useTranslation('admin')
  return i18n.exists(`admin:job.${job.kind}`) ? t(`job.${job.kind}` as never) : <span className="mono">{job.kind}</span>
}
