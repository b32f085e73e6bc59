import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask, onceKey, queries, type Schemas } from '../../api/client'
import { Button, Link } from '../../ui/button'
import { time } from '../../ui/format'
import { PageHead } from '../../ui/page'
import { Badge, Empty, Load, Refused } from '../../ui/state'
import { useWords } from '../../report/useWords'
import type { Document } from '../reports/ask/question'
import { titleOf } from '../reports/title'
import { useReports, type Report } from '../reports/data'
import { loadedBy, ofLoad, reportOf, wayTo, type Loaded } from './ways'

type Notice = Schemas['Notice']

/** What the room told the person, newest first. */
export default function Notices() {
  const { t } = useTranslation('notices')
  const list = useInfiniteQuery({
    queryKey: ['notices', 'all'],
    queryFn: ({ pageParam }) => ask(api.GET('/v1/notices', { params: { query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } } })),
    initialPageParam: '',
    getNextPageParam: (p) => p.next,
  })
  const changed = () => queries.invalidateQueries({ queryKey: ['notices'] })
  const readAll = useMutation({ mutationFn: () => ask(api.POST('/v1/notices/read-all', { params: { header: onceKey() } })), onSuccess: changed })
  const read = useMutation({ mutationFn: (id: string) => ask(api.POST('/v1/notices/{notice}/read', { params: { path: { notice: id }, header: onceKey() } })), onSuccess: changed })
  const reports = useReports(!!list.data?.pages.some((p) => p.items.some(reportOf))).data
  // The hundred newest loads; older ones go without their list's name.
  const loads = useQuery({
    queryKey: ['jobs', 'of-notices'],
    queryFn: () => ask(api.GET('/v1/jobs', { params: { query: { kind: 'list', limit: 100 } } })),
    enabled: !!list.data?.pages.some((p) => p.items.some(ofLoad)),
  }).data?.items
  const unread = list.data?.pages[0]?.unread ?? 0
  return (
    <>
      <PageHead title={t('title')} lead={t('lead')} action={unread > 0 && <Button onPress={() => readAll.mutate()}>{t('readAll')}</Button>} />
      <Refused error={readAll.error ?? read.error} />
      <Load of={list}>
        {(d) => {
          const items = d.pages.flatMap((p) => p.items)
          if (items.length === 0)
            return (
              <Empty title={t('empty.title')}>
                <p>{t('empty.text')}</p>
              </Empty>
            )
          return (
            <div className="stack-s">
              {items.map((n) => (
                <Row key={n.id} notice={n} report={reports?.find((r) => r.id === reportOf(n))} list={ofLoad(n) ? loadedBy(loads?.find((j) => j.id === n.subject)) : undefined} onRead={() => read.mutate(n.id)} />
              ))}
              {list.hasNextPage && (
                <div>
                  <Button onPress={() => void list.fetchNextPage()}>{t('ui:more')}</Button>
                </div>
              )}
            </div>
          )
        }}
      </Load>
    </>
  )
}

function Row({ notice: n, report, list, onRead }: { notice: Notice; report?: Report; list?: Loaded; onRead: () => void }) {
  const { t, i18n } = useTranslation('notices')
  const w = useWords()
  const title = n.title[i18n.language as 'ja' | 'en']
  const to = wayTo(n, list)
  const kind = n.details?.kind
  const about = [
    ...(report ? [titleOf(w, report.question as Document)] : typeof kind === 'string' && i18n.exists(`notices:job.${kind}`) ? [t(`job.${kind}` as never)] : []),
    ...(list ? [list.name, list.entrustment] : []),
    ...['entrustment', 'list', 'name', 'campaign'].map((k) => n.details?.[k]).filter((v) => typeof v === 'string'),
  ]
  return (
    <article className="panel row between beside">
      <div className="stack-s">
        <div className="row">
          {!n.read && <Badge kind="info">{t('new')}</Badge>}
          <strong>
            {to ? (
              <Link id={`${n.id}-title`} href={to} onClick={onRead} aria-labelledby={`${n.id}-title ${n.id}-about`}>
                {title}
              </Link>
            ) : (
              <span id={`${n.id}-title`}>{title}</span>
            )}
          </strong>
        </div>
        <div className="small quiet">
          <span id={`${n.id}-about`}>{about.join(' · ')}</span>
          {about.length > 0 && ' · '}
          {time(n.at)}
        </div>
      </div>
      {!n.read && (
        <Button kind="plain" id={`${n.id}-read`} aria-labelledby={`${n.id}-read ${n.id}-title ${n.id}-about`} onPress={onRead}>
          {t('read')}
        </Button>
      )}
    </article>
  )
}
