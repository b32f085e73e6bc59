import { useState } from 'react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask, queries, Refusal, type Schemas } from '../../../api/client'
import { has, useMe } from '../../../api/me'
import { Button, ButtonLink, Link } from '../../../ui/button'
import { Dialog } from '../../../ui/dialog'
import { TextField } from '../../../ui/field'
import { time, upTo } from '../../../ui/format'
import { Facts, PageHead } from '../../../ui/page'
import { Badge, Banner, Empty, Load, Refused } from '../../../ui/state'
import type { Document } from '../ask/question'
import { digits } from '../ask/budget'
import { useSchedules } from '../data'
import { titleOf, whereIn } from '../title'
import { useCronWords } from './words'
import { useWords } from '../../../report/useWords'
import '../ask/ask.css'

type Schedule = Schemas['Schedule']

/** Questions that are asked again and again. */
export default function Schedules() {
  const { t } = useTranslation('reports')
  const me = useMe()
  const list = useSchedules()
  const asks = has(me.data, 'marketing')
  return (
    <>
      <PageHead title={t('schedules.title')} lead={t('schedules.lead')} crumbs={[['/', t('title')]]} action={asks && <ButtonLink kind="primary" to="/ask">{t('schedules.make')}</ButtonLink>} />
      <Load of={list}>
        {(all) =>
          all.length === 0 ? (
            <Empty title={t('schedules.empty.title')} action={asks && <ButtonLink to="/ask">{t('schedules.empty.go')}</ButtonLink>}>
              <p>{t(asks ? 'schedules.empty.text' : 'schedules.empty.read')}</p>
            </Empty>
          ) : (
            <div className="stack">
              {all.map((s) => (
                <One key={s.id} schedule={s} asks={asks} />
              ))}
            </div>
          )
        }
      </Load>
    </>
  )
}

function One({ schedule: s, asks }: { schedule: Schedule; asks: boolean }) {
  const { t } = useTranslation('reports')
  const w = useWords()
  const cron = useCronWords()
  const q = s.question as Document
  const where = whereIn(w, q)
  const [dropping, drop] = useState(false)
  const change = useMutation({
    mutationFn: (state: 'active' | 'paused') => ask(api.PATCH('/v1/schedules/{schedule}', { params: { path: { schedule: s.id } }, body: { state } })),
    onSettled: () => queries.invalidateQueries({ queryKey: ['schedules'] }),
  })
  return (
    <article className="panel stack-s" aria-labelledby={s.id}>
      <div className="row between">
        <h2 id={s.id}>{s.name}</h2>
        {s.state === 'active' ? <Badge kind="good">{t('schedules.active')}</Badge> : <Badge kind="warn">{t('schedules.paused')}</Badge>}
      </div>
      <p>
        {titleOf(w, q)}
        {where && <span className="quiet"> {w.t('condition.where', { what: where })}</span>}
      </p>
      {s.state === 'paused' && s.reason && (
        <Banner kind="warn" title={t('schedules.why')}>
          <Refused error={new Refusal({ type: 'urn:awase:refused', title: '', status: 422, instance: '', ...s.reason } as Refusal['problem'])} />
        </Banner>
      )}
      <Facts
        rows={[
          [t('schedules.when'), cron(s.cron)],
          [t('schedules.window'), s.days ? t('schedules.days', { n: s.days }) : t('schedules.own')],
          [t('schedules.next'), s.next ? time(s.next) : '—'],
          [t('schedules.last'), <Last key="last" schedule={s} />],
          [t('list.entrustment'), s.entrustment],
        ]}
      />
      {change.data?.price && <PriceTold price={change.data.price} />}
      <Refused error={change.error} />
      {asks && (
        <div className="row">
          <Button isDisabled={change.isPending} onPress={() => change.mutate(s.state === 'active' ? 'paused' : 'active')}>
            {t(s.state === 'active' ? 'schedules.pause' : 'schedules.resume')}
          </Button>
          <Button kind="plain" onPress={() => drop(true)}>
            {t('schedules.drop')}
          </Button>
        </div>
      )}
      {dropping && <Drop schedule={s} onClose={() => drop(false)} />}
    </article>
  )
}

/** What the room says that a schedule costs where the data are others at each run, as it
 * counts itself: what is paid for already costs nothing once more, and then it does. */
export function PriceTold({ price: p }: { price: Schemas['SchedulePrice'] }) {
  const { t } = useTranslation('reports')
  const enough = p.bears_30d >= p.runs_30d
  return (
    <Banner kind={enough ? 'info' : 'warn'} title={t('schedules.price.title')} live>
      <p>{t('schedules.price.run', { price: upTo(p.run.rho, digits), runs: p.runs_30d, sum: upTo(p.run.rho * p.runs_30d, digits), bears: p.bears_30d })}</p>
      <p>{t(enough ? 'schedules.price.enough' : 'schedules.price.short')}</p>
    </Banner>
  )
}

function Last({ schedule: s }: { schedule: Schedule }) {
  const { t } = useTranslation('reports')
  const runs = useQuery({ queryKey: ['reports', 'of', s.id], queryFn: () => ask(api.GET('/v1/reports', { params: { query: { schedule: s.id, limit: 3 } } })), enabled: !!s.last })
  if (!s.last) return <>{t('schedules.never')}</>
  return (
    <>
      {time(s.last)}
      {(runs.data?.items ?? []).map((r) => (
        <div key={r.id}>
          {r.state === 'kept' ? <Link href={`/${r.id}`}>{t('schedules.result', { time: time(r.released_at) })}</Link> : <span className="quiet">{t('schedules.result', { time: time(r.released_at) })}</span>}
        </div>
      ))}
    </>
  )
}

/** It can't be undone: its name is typed. Its reports stay. */
function Drop({ schedule: s, onClose }: { schedule: Schedule; onClose: () => void }) {
  const { t } = useTranslation('reports')
  const [typed, type] = useState('')
  const drop = useMutation({
    mutationFn: () => ask(api.DELETE('/v1/schedules/{schedule}', { params: { path: { schedule: s.id } } })),
    onSuccess: () => {
      onClose()
      void queries.invalidateQueries({ queryKey: ['schedules'] })
    },
  })
  return (
    <Dialog title={t('schedules.dropping.title')} isOpen onClose={onClose}>
      <p>{t('schedules.dropping.text')}</p>
      <TextField label={t('schedules.dropping.name', { name: s.name })} value={typed} onChange={type} autoFocus />
      <Refused error={drop.error} />
      <div className="row">
        <Button kind="danger" isDisabled={typed.trim() !== s.name || drop.isPending} onPress={() => drop.mutate()}>
          {t('schedules.drop')}
        </Button>
        <Button kind="plain" onPress={onClose}>
          {t('ui:cancel')}
        </Button>
      </div>
    </Dialog>
  )
}
