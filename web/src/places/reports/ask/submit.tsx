import { useEffect, useRef } from 'react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useLocation } from 'wouter'
import { api, ask, queries, randomKey, Refusal, type Schemas } from '../../../api/client'
import { has, type Me } from '../../../api/me'
import { Button, ButtonLink } from '../../../ui/button'
import { span, time, upTo } from '../../../ui/format'
import { Banner, Refused } from '../../../ui/state'
import { running } from '../data'
import { readerOf, type Contract } from '../../entrustments/contract'
import { digits, type Price } from './budget'
import { dropDraft, keepDraft, useWaiting } from './keep'
import { lacks, toDocument, type Document, type Draft } from './question'

type Job = Schemas['Job']
type Props = { standard: string; draft: Draft; me: Me; contract: Contract; price: Price | undefined; onChange: (d: Draft) => void }

/** Asks, waits, and goes to the report; a refusal leaves everything as it was typed. */
export function Submit({ standard, draft: d, me, contract, price }: Props) {
  const { t } = useTranslation('reports')
  const [, go] = useLocation()
  const [waiting, wait] = useWaiting(standard)
  // One key a question: asked twice by a second press or a lost answer, it is done once.
  const key = useRef<{ of: string; key: string }>(undefined)
  const asked = useMutation({
    mutationFn: (question: Document): Promise<Job> => {
      const of = JSON.stringify(question)
      if (key.current?.of !== of) key.current = { of, key: randomKey() }
      const header = { 'Idempotency-Key': key.current.key }
      return d.kind === 'cube' ? ask(api.POST('/v1/cubes', { params: { header }, body: { question } })) : ask(api.POST('/v1/reports', { params: { header }, body: { question } }))
    },
    onSuccess: (job) => {
      wait(job.id)
      void queries.invalidateQueries({ queryKey: ['jobs'] })
    },
  })
  const job = useQuery({
    queryKey: ['job', waiting],
    queryFn: () => ask(api.GET('/v1/jobs/{job}', { params: { path: { job: waiting } } })),
    enabled: waiting !== '',
    refetchInterval: (q) => (q.state.data && !running(q.state.data) ? false : 1000),
  })
  const result = job.data?.state === 'done' ? (job.data.result as { report?: string; recipient?: string } | null) : undefined
  const reader = d.recipient || readerOf(contract)
  const over = !!job.data && !running(job.data)
  useEffect(() => {
    if (!over) return
    // Done, it is paid for; refused, something else was. The budgets are others.
    void queries.invalidateQueries({ queryKey: ['price'] })
    void queries.invalidateQueries({ queryKey: ['ledger'] })
  }, [over])
  const own = result?.report && result.recipient === me.party ? result.report : ''
  useEffect(() => {
    if (!own) return
    dropDraft(standard)
    wait('')
    void queries.invalidateQueries({ queryKey: ['reports'] })
    go(`/${own}`)
  }, [own, go, standard, wait])
  const again = () => {
    key.current = undefined
    asked.reset()
    wait('')
  }
  if (waiting && job.error) {
    const lost = job.error instanceof Refusal && job.error.problem.status === 404
    return (
      <>
        <Refused error={job.error} again={lost ? undefined : () => void job.refetch()} />
        {lost && <Button onPress={again}>{t('wait.back')}</Button>}
      </>
    )
  }
  if (waiting && (!job.data || running(job.data) || own)) return <Waiting job={job.data} />
  const reason = job.data?.state === 'failed' ? job.data.reason : undefined
  const elsewhere = result?.report && !own ? result.recipient : undefined
  return (
    <div className="stack-s submit">
      {elsewhere && (
        <Banner kind="good" title={t('wait.elsewhere', { party: elsewhere })} live>
          <p>{t('wait.elsewhereText', { party: elsewhere })}</p>
        </Banner>
      )}
      {job.data?.state === 'failed' && (
        <>
          <Refused error={new Refusal({ type: 'urn:awase:refused', title: '', status: 422, instance: '', code: 'E_OTHER', detail: '', ...reason } as Refusal['problem'])} />
          <p className="small">{t('wait.kept')}</p>
        </>
      )}
      {job.data?.state === 'canceled' && <Banner title={t('wait.canceled')} live />}
      {!elsewhere && reader !== me.party && <p className="small warnings">{t('submit.elsewhere', { party: reader })}</p>}
      <Refused error={asked.error} />
      {asked.error && <p className="small">{t('wait.kept')}</p>}
      <Button
        kind="primary"
        isDisabled={lacks(d).length > 0 || !price || !!price.short || !!price.stopped || asked.isPending}
        onPress={() => {
          if (waiting) again()
          asked.mutate(toDocument(d))
        }}
      >
        {!price ? t('submit.none') : price.charged === 0 ? t('submit.free') : t('submit.cost', { price: upTo(price.charged, digits) })}
      </Button>
      {price && !price.short && price.charged > 0 && <p className="small quiet">{t('submit.same')}</p>}
      {has(me, 'marketing') && d.kind !== 'cube' && d.kind !== 'size' && lacks(d).length === 0 && contract.recipients.length > 0 && (
        <ScheduleLink draft={d} />
      )}
    </div>
  )
}

function ScheduleLink({ draft }: { draft: Draft }) {
  const { t } = useTranslation('reports')
  return (
    <span onClick={() => keepDraft('schedule', draft)}>
      <ButtonLink kind="plain" to="/schedules/new">
        {t('submit.schedule')}
      </ButtonLink>
    </span>
  )
}

function Waiting({ job }: { job: Job | undefined }) {
  const { t } = useTranslation('reports')
  return (
    <div className="stack-s submit" role="status">
      <p>
        <span className="pulse" aria-hidden="true" /> <strong>{t(job?.state === 'running' ? 'wait.running' : 'wait.waiting')}</strong>
      </p>
      {job && <p className="small quiet">{t('wait.since', { time: time(job.created), span: span((Date.now() - Date.parse(job.created)) / 1000) })}</p>}
      <p className="small">{t('wait.leave')}</p>
    </div>
  )
}
