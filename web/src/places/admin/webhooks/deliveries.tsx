import { useState } from 'react'
import { useInfiniteQuery, useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask, onceKey, type Schemas } from '../../../api/client'
import { Button } from '../../../ui/button'
import { Select } from '../../../ui/field'
import { number, time } from '../../../ui/format'
import { Badge, Empty, Load, Refused } from '../../../ui/state'
import { Table } from '../../../ui/table'
import { changed } from '../ask'
import { word } from './kinds'

type Delivery = Schemas['Delivery']
type State = Delivery['state']

/** What a webhook was sent, newest first, with each try. */
export function Deliveries({ webhook, mayResend }: { webhook: string; mayResend: boolean }) {
  const { t } = useTranslation(['admin', 'ui'])
  const [state, setState] = useState<State | 'any'>('any')
  const list = useInfiniteQuery({
    queryKey: ['deliveries', webhook, state],
    queryFn: ({ pageParam }) =>
      ask(
        api.GET('/v1/webhooks/{webhook}/deliveries', {
          params: { path: { webhook }, query: { limit: 20, ...(state === 'any' ? {} : { state }), ...(pageParam ? { cursor: pageParam } : {}) } },
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (p) => p.next,
    // What is on its way is looked at again soon, anything else now and then.
    refetchInterval: (q) => (q.state.data?.pages[0]?.items.some((d) => d.state === 'waiting') ? 3_000 : 20_000),
  })
  return (
    <section className="stack-s">
      <div className="row between">
        <h2>{t('sent.title')}</h2>
        <Select<State | 'any'> hideLabel label={t('sent.filter')} value={state} onChange={setState} choices={(['any', 'waiting', 'sent', 'failed', 'dropped'] as const).map((id) => ({ id, label: t(`sent.is.${id}`) }))} />
      </div>
      <Load of={list} lines={3}>
        {(d) => {
          const items = d.pages.flatMap((p) => p.items)
          if (items.length === 0)
            return (
              <Empty title={t(state === 'any' ? 'sent.empty' : 'sent.noneOf')}>
                <p>{t(state === 'any' ? 'sent.emptyText' : 'sent.noneOfText')}</p>
              </Empty>
            )
          return (
            <>
              {items.map((v) => (
                <One key={v.id} webhook={webhook} delivery={v} mayResend={mayResend} />
              ))}
              {list.hasNextPage && (
                <div>
                  <Button onPress={() => void list.fetchNextPage()}>{t('ui:more')}</Button>
                </div>
              )}
            </>
          )
        }}
      </Load>
    </section>
  )
}

const tone = { waiting: 'info', sent: 'good', failed: 'bad', dropped: undefined } as const

function One({ webhook, delivery: d, mayResend }: { webhook: string; delivery: Delivery; mayResend: boolean }) {
  const { t } = useTranslation('admin')
  const resend = useMutation({
    mutationFn: () => ask(api.POST('/v1/webhooks/{webhook}/deliveries/{delivery}/resend', { params: { path: { webhook, delivery: d.id }, header: onceKey() } })),
    onSuccess: () => changed('deliveries'),
  })
  return (
    <article className="panel stack-s">
      <div className="row between">
        <div className="row">
          <Badge kind={tone[d.state]}>{t(`sent.is.${d.state}`)}</Badge>
          <strong>{t(`event.${word(d.kind)}`)}</strong>
          <span className="small quiet">{time(d.created)}</span>
        </div>
        {mayResend && d.state !== 'waiting' && (
          <Button isDisabled={resend.isPending} onPress={() => resend.mutate()}>
            {t('sent.resend')}
          </Button>
        )}
      </div>
      {d.state === 'waiting' && d.next_try && d.tries.length > 0 && <p className="small">{t('sent.next', { at: time(d.next_try) })}</p>}
      <Refused error={resend.error} />
      <details>
        <summary>{t('sent.tries', { count: d.tries.length })}</summary>
        <div className="stack-s">
          <p className="small quiet mono">
            webhook-id: {d.event} · {d.subject}
          </p>
          {d.tries.length > 0 && <Tries of={d} />}
        </div>
      </details>
    </article>
  )
}

function Tries({ of: d }: { of: Delivery }) {
  const { t } = useTranslation('admin')
  return (
    <Table
      label={t('sent.triesLabel')}
      rows={d.tries}
      id={(r) => r.at}
      columns={[
        { id: 'at', head: t('sent.at'), header: true, cell: (r) => time(r.at) },
        { id: 'came', head: t('sent.came'), cell: (r) => (r.fault ? <span>{t(`fault.${r.fault}`)}</span> : t('sent.taken')) },
        { id: 'status', head: t('sent.status'), num: true, cell: (r) => r.status ?? '–' },
        { id: 'ms', head: t('sent.ms'), num: true, cell: (r) => number(r.milliseconds) },
      ]}
    />
  )
}
