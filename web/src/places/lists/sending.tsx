import { useEffect, useRef, useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocation } from 'wouter'
import { problemsOf } from '../../desk/kept'
import { DeskError } from '../../desk/protocol'
import { abort, again, forget, pause, resume, useUploads, type Sending } from '../../desk/uploads'
import { Refusal } from '../../api/client'
import { Button, ButtonLink } from '../../ui/button'
import { Dialog } from '../../ui/dialog'
import { bytes, number, span, time } from '../../ui/format'
import { Progress } from '../../ui/progress'
import { Badge, Banner, Refused } from '../../ui/state'
import { Counts } from './counts'
import { FileRefused } from './fault'
import { Problems } from './problems'
import { saveReport } from './report'

/** Uploads of this browser that are under way or over; unfinished: without those that
 * were loaded. */
export function Uploads({ unfinished }: { unfinished?: boolean }) {
  const { t } = useTranslation('lists')
  const all = useUploads().filter((s) => !unfinished || s.meta.state !== 'loaded')
  if (all.length === 0) return null
  return (
    <section className="stack-s" aria-labelledby="uploads">
      <h2 id="uploads">{t('sending.title')}</h2>
      {all.map((s) => (
        <article key={s.meta.id} className="panel">
          <Upload of={s} named />
        </article>
      ))}
    </section>
  )
}

/** The upload that was just begun, until it is over; more: so many files follow. */
export function OneUpload({ id, more, onNext }: { id: string; more: number; onNext: () => void }) {
  const { t } = useTranslation('lists')
  const s = useUploads().find((u) => u.meta.id === id)
  const failed = useRef(false)
  useEffect(() => {
    if (s) failed.current = s.meta.state === 'failed'
  }, [s])
  const loaded = s?.meta.state === 'loaded'
  // It is the one thing to do where the next file waits, or nothing was sent.
  const next = (
    <Button kind={!s || (loaded && more > 0) ? 'primary' : 'normal'} onPress={onNext}>
      {more > 0 ? t('send.nextFile', { n: more }) : t('send.another')}
    </Button>
  )
  if (!s)
    return (
      <div className="row">
        <p role="status">{t(failed.current ? 'sending.putAway' : 'sending.takenBack')}</p>
        {next}
      </div>
    )
  return <Upload of={s} next={next} onward={loaded && more > 0} />
}

export function Upload({ of: s, named, next, onward }: { of: Sending; named?: boolean; next?: ReactNode; onward?: boolean }) {
  const m = s.meta
  const over = s.phase === 'over'
  return (
    <div className="stack-s">
      {named && (
        <div className="row between">
          <strong>
            {m.list} <span className="quiet">{m.entrustment}</span>
          </strong>
          <span className="small quiet">{time(m.created)}</span>
        </div>
      )}
      {over ? <Over of={s} next={next} onward={onward} /> : <Running of={s} />}
    </div>
  )
}

/** How far it is, truly: rows sealed, or bytes that the room has acknowledged. */
function Running({ of: s }: { of: Sending }) {
  const { t } = useTranslation('lists')
  const sealing = s.phase === 'sealing'
  const moving = s.phase !== 'elsewhere'
  const words = [
    moving && s.of > 0 && (sealing ? t('sending.rowsOf', { done: number(s.done), of: number(s.of) }) : t('sending.bytesOf', { done: bytes(s.done), of: bytes(s.of) })),
    s.rowsPerSecond > 0 && t('check.speed', { rows: number(Math.round(s.rowsPerSecond)) }),
    s.left !== undefined && t('check.left', { span: span(s.left) }),
  ].filter(Boolean)
  return (
    <>
      <Progress label={t(`phase.${s.phase}` as 'phase.sending')} share={s.of > 0 ? Math.min(1, s.done / s.of) : 0} text={words.join(' · ')} />
      <p className="small quiet" role="status">
        {t(`phaseText.${s.phase}` as 'phaseText.sending')}
      </p>
      <div className="row">
        {(s.phase === 'sending' || s.phase === 'waiting') && s.meta.state === 'sealed' && <Button onPress={() => void pause(s.meta.id)}>{t('sending.pause')}</Button>}
        {s.phase === 'paused' && (
          <Button kind="primary" onPress={() => void resume(s.meta.id)}>
            {t('sending.resume')}
          </Button>
        )}
        {s.meta.state !== 'loading' && s.phase !== 'elsewhere' && <TakeBack id={s.meta.id} />}
      </div>
    </>
  )
}

function TakeBack({ id }: { id: string }) {
  const { t } = useTranslation('lists')
  const [open, setOpen] = useState(false)
  const [error, setError] = useState<unknown>()
  const go = () =>
    abort(id).then(
      () => setOpen(false),
      (err: unknown) => setError(err),
    )
  return (
    <>
      <Button kind="plain" onPress={() => setOpen(true)}>
        {t('sending.takeBack')}
      </Button>
      <Dialog title={t('sending.takeBackTitle')} isOpen={open} onClose={() => setOpen(false)}>
        <p>{t('sending.takeBackText')}</p>
        <Refused error={error} />
        <div className="row">
          <Button kind="danger" onPress={() => void go()}>
            {t('sending.takeBack')}
          </Button>
          <Button onPress={() => setOpen(false)}>{t('sending.goOn')}</Button>
        </div>
      </Dialog>
    </>
  )
}

/** What came of it, what happens next, and one thing to do: next, onward, before all. */
function Over({ of: s, next, onward }: { of: Sending; next?: ReactNode; onward?: boolean }) {
  const { t } = useTranslation('lists')
  const [at] = useLocation()
  const m = s.meta
  const dismiss = !next && <Button onPress={() => void forget(m.id)}>{t('sending.dismiss')}</Button>
  switch (m.state) {
    case 'loaded':
      return (
        <>
          <div className="row" role="status">
            <Badge kind="good">{t('sending.loaded')}</Badge>
            <span>{t(m.same ? 'sending.sameText' : 'sending.loadedText', { list: m.list, version: m.version ?? '' })}</span>
          </div>
          {m.diff && !m.same && <p>{t('sending.diff', { added: number(m.diff.added), removed: number(m.diff.removed) })}</p>}
          {next && !m.same && <p>{t('sending.after')}</p>}
          <div className="row">
            {onward && next}
            {at !== `/${m.entrustment}/${m.list}` && (
              <ButtonLink kind={next && !onward ? 'primary' : 'normal'} to={`/${m.entrustment}/${m.list}`}>
                {t('sending.see')}
              </ButtonLink>
            )}
            {!onward && next}
            {dismiss}
          </div>
          <Found of={s} open={!!next} />
        </>
      )
    case 'failed':
      return (
        <>
          {s.fault ? <FileRefused error={new DeskError(s.fault)} /> : <Refused error={m.problem && refusalOf(m.problem)} />}
          <div className="row">
            {m.path && <Button onPress={() => void again(m.id)}>{t('sending.again')}</Button>}
            {next}
            <Button onPress={() => void abort(m.id)}>{t('sending.dismiss')}</Button>
          </div>
        </>
      )
    default:
      return (
        <>
          <Banner kind="warn" title={t(`sending.${m.state}` as 'sending.cut')}>
            <p>{t(`sending.${m.state}Text` as 'sending.cutText')}</p>
          </Banner>
          <div className="row">
            <ButtonLink kind="primary" to={`/new?entrustment=${m.entrustment}&list=${m.list}&change=${m.change}`}>
              {t('sending.anew')}
            </ButtonLink>
            {next}
            {dismiss}
          </div>
        </>
      )
  }
}

const refusalOf = (p: NonNullable<Sending['meta']['problem']>) => new Refusal({ type: 'urn:awase:refused', title: '', status: 0, instance: '', ...p })

/** What the check found, and its report to take along. */
function Found({ of: s, open }: { of: Sending; open: boolean }) {
  const { t, i18n } = useTranslation('lists')
  const found = s.meta.found
  if (!found) return null
  const csv = async () => {
    const { save } = await import('./save')
    const file = await problemsOf(s.meta.id)
    if (file) save(file, `${s.meta.list}-problems.csv`)
  }
  return (
    <details open={open}>
      <summary>{t('report.title')}</summary>
      <div className="stack-s">
        <Counts report={found.report} />
        <Problems groups={found.groups} sent />
        <div className="row">
          <Button onPress={() => saveReport(s.meta, 'text', t, i18n)}>{t('report.text')}</Button>
          <Button onPress={() => saveReport(s.meta, 'json', t, i18n)}>{t('report.json')}</Button>
          {found.report.problems > 0 && <Button onPress={() => void csv()}>{t('report.csv')}</Button>}
        </div>
      </div>
    </details>
  )
}
