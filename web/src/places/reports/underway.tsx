import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocation } from 'wouter'
import { Refusal } from '../../api/client'
import { has, type Me } from '../../api/me'
import { Button, Link } from '../../ui/button'
import { time } from '../../ui/format'
import { Badge, Refused } from '../../ui/state'
import { fromDocument, type Document } from './ask/question'
import { keepDraft } from './ask/keep'
import { standardOf } from './ask/kinds'
import { running, useJobs, type Job } from './data'
import { titleOf } from './title'
import { useWords } from '../../report/useWords'

const questionOf = (j: Job) => (j.subject as { question?: Document }).question
const recent = 7 * 86_400_000

/** Questions that are being answered, and those of the last week that were refused. */
export function Underway({ me }: { me: Me }) {
  const { t } = useTranslation('reports')
  const jobs = useJobs()
  const [all, showAll] = useState(false)
  const asked = (jobs.data ?? []).filter((j) => questionOf(j))
  const now = asked.filter(running)
  const refused = asked.filter((j) => j.state === 'failed' && Date.now() - Date.parse(j.ended ?? j.created) < recent)
  if (jobs.error) return <Refused error={jobs.error} again={() => void jobs.refetch()} />
  if (now.length + refused.length === 0) return null
  return (
    <section className="panel stack-s" aria-labelledby="underway">
      <h2 id="underway">{t('underway.title')}</h2>
      {now.map((j) => (
        <RunningRow key={j.id} job={j} />
      ))}
      {refused.slice(0, all ? undefined : 3).map((j) => (
        <RefusedRow key={j.id} job={j} me={me} />
      ))}
      {refused.length > 3 && !all && (
        <div>
          <Button kind="plain" onPress={() => showAll(true)}>
            {t('underway.more', { n: refused.length - 3 })}
          </Button>
        </div>
      )}
    </section>
  )
}

function RunningRow({ job: j }: { job: Job }) {
  const { t } = useTranslation('reports')
  const w = useWords()
  return (
    <div className="row">
      <span className="pulse" aria-hidden="true" />
      <Badge kind="info">{t(`underway.${j.state === 'running' ? 'running' : 'waiting'}`)}</Badge>
      <Link href={`/${j.id}`}>{titleOf(w, questionOf(j)!)}</Link>
      <span className="small quiet">{time(j.created)}</span>
    </div>
  )
}

function RefusedRow({ job: j, me }: { job: Job; me: Me }) {
  const { t } = useTranslation('reports')
  const w = useWords()
  const [, go] = useLocation()
  const q = questionOf(j)!
  const mend = () => {
    const d = fromDocument(q)
    keepDraft(standardOf(d.kind), d)
    go(`/ask/${standardOf(d.kind)}`)
  }
  return (
    <details className="refusedrow">
      <summary>
        <Badge kind="bad">{t('underway.refused')}</Badge> {titleOf(w, q)} <span className="small quiet">{time(j.ended ?? j.created)}</span>
      </summary>
      <div className="stack-s">
        <Refused error={new Refusal({ type: 'urn:awase:refused', title: '', status: 422, instance: '', code: 'E_OTHER', detail: '', ...j.reason } as Refusal['problem'])} />
        {has(me, 'marketing') && (
          <div>
            <Button onPress={mend}>{t('underway.mend')}</Button>
          </div>
        )}
      </div>
    </details>
  )
}
