import { useEffect, useState } from 'react'
import { useMutation } from '@tanstack/react-query'
import { useLocation } from 'wouter'
import { api, ask, onceKey, queries, Refusal } from '../../../api/client'
import { useMe } from '../../../api/me'
import { Button, ButtonLink } from '../../../ui/button'
import { span, time } from '../../../ui/format'
import { Facts, PageHead } from '../../../ui/page'
import { Banner, Load, Refused } from '../../../ui/state'
import { over, useJob, type Job } from '../../../report/job'
import type { Words } from '../../../report/names'
import { useWords } from '../../../report/useWords'

type Made = { report?: string; recipient?: string }

/** A report that is being made: where it stands, then the report itself. */
export function JobPage({ id }: { id: string }) {
  const w = useWords()
  const job = useJob(id)
  const me = useMe()
  const [, go] = useLocation()
  const made = job.data?.state === 'done' ? (job.data.result as Made | null) : null
  const own = made?.report && made.recipient === me.data?.party ? made.report : undefined
  useEffect(() => {
    if (own) go(`/${own}`, { replace: true })
  }, [own, go])
  return (
    <>
      <PageHead title={w.t(titleOf(job.data))} crumbs={[['/', w.t('page.reports')]]} />
      <Load of={job}>{(j) => <State words={w} job={j} lost={job.lost} made={made} />}</Load>
    </>
  )
}

function titleOf(j: Job | undefined): string {
  switch (j?.state) {
    case 'failed':
      return 'job.failed'
    case 'canceled':
      return 'job.canceled'
    case 'done':
      return 'job.done'
    default:
      return 'job.title'
  }
}

function State({ words: w, job: j, lost, made }: { words: Words; job: Job; lost: boolean; made: Made | null }) {
  if (!over(j)) return <Running words={w} job={j} lost={lost} />
  const again = <ButtonLink to="/ask">{w.t('job.again')}</ButtonLink>
  if (j.state === 'canceled')
    return (
      <Banner live>
        <p>{w.t('job.canceledText')}</p>
        <div>{again}</div>
      </Banner>
    )
  if (j.state === 'failed')
    return (
      <>
        <Refused error={refusalOf(j)} />
        <div>{again}</div>
      </>
    )
  if (!made?.recipient) return null
  return (
    <Banner kind="good" title={w.t('job.elsewhere', { party: made.recipient })} live>
      <p>{w.t('job.elsewhereText', { party: made.recipient })}</p>
    </Banner>
  )
}

/** The reason of a job as the refusal that it is. */
function refusalOf(j: Job): Refusal | undefined {
  const r = j.reason
  return r && new Refusal({ type: 'urn:awase:refused', title: '', status: 422, instance: '', ...r } as Refusal['problem'])
}

function Running({ words: w, job: j, lost }: { words: Words; job: Job; lost: boolean }) {
  const cancel = useMutation({
    mutationFn: () => ask(api.POST('/v1/jobs/{job}/cancel', { params: { path: { job: j.id }, header: onceKey() } })),
    onSuccess: (job) => queries.setQueryData(['job', j.id], job),
  })
  const since = useSeconds(j.started ?? j.created)
  return (
    <section className="panel stack-s" aria-busy="true">
      <p role="status">{w.t(lost ? 'job.lost' : j.cancel_asked ? 'job.canceling' : j.state === 'running' ? 'job.running' : 'job.waiting')}</p>
      <Facts
        rows={[
          [w.t('job.asked'), time(j.created)],
          [w.t('job.elapsed'), w.t('job.since', { span: span(since) })],
        ]}
      />
      <p className="quiet">{w.t('job.close')}</p>
      <Refused error={cancel.error} />
      <div>
        <Button isDisabled={j.cancel_asked || cancel.isPending} onPress={() => cancel.mutate()}>
          {w.t('job.cancel')}
        </Button>
      </div>
    </section>
  )
}

/** The seconds since a moment, counted while it is looked at. */
function useSeconds(from: string): number {
  const [now, set] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return Math.max(0, (now - Date.parse(from)) / 1000)
}
