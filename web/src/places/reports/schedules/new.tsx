import { useState } from 'react'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask, onceKey, queries } from '../../../api/client'
import { has, useMe } from '../../../api/me'
import { Button, ButtonLink } from '../../../ui/button'
import { Radios, Select, TextField } from '../../../ui/field'
import { MultiSelect } from '../../../ui/multi'
import { upTo } from '../../../ui/format'
import { PageHead } from '../../../ui/page'
import { Banner, Empty, Refused } from '../../../ui/state'
import { NotAsker } from '../ask/gallery'
import { digits, accountsOf, leftOf } from '../ask/budget'
import { keptDraft } from '../ask/keep'
import { readsEvents, toDocument, type Draft } from '../ask/question'
import { usePrice } from '../ask/useprice'
import { titleOf, whereIn } from '../title'
import { runsIn, toCron, usual, type Every } from './cron'
import { PriceTold } from './index'
import { useWords } from '../../../report/useWords'
import '../ask/ask.css'

/** Makes a schedule of the question that was put together. */
export default function NewSchedule() {
  const { t } = useTranslation('reports')
  const me = useMe()
  const [draft] = useState(() => keptDraft('schedule'))
  return (
    <>
      <PageHead title={t('schedules.new.title')} lead={t('schedules.new.lead')} crumbs={[['/', t('title')], ['/schedules', t('schedules.title')]]} />
      {me.data && !has(me.data, 'marketing') ? (
        <NotAsker />
      ) : draft ? (
        <Form draft={draft} />
      ) : (
        <Empty title={t('schedules.new.none')} action={<ButtonLink to="/ask">{t('schedules.empty.go')}</ButtonLink>}>
          <p>{t('schedules.empty.text')}</p>
        </Empty>
      )}
    </>
  )
}

const formats = ['xlsx', 'pdf', 'csv-bom', 'csv', 'parquet', 'json'] as const

function Form({ draft }: { draft: Draft }) {
  const { t } = useTranslation('reports')
  const w = useWords()
  // One object as long as this form stands: what it costs is asked anew for another.
  const [question] = useState(() => ({ ...draft, from: '', to: '' }))
  const q = toDocument(question)
  const events = readsEvents(draft.kind) && !draft.campaign
  const [name, setName] = useState(() => titleOf(w, q).slice(0, 60))
  const [every, setEvery] = useState<Every>(usual)
  const [days, setDays] = useState(events ? '7' : '0')
  const [files, setFiles] = useState<string[]>(['xlsx'])
  const price = usePrice(question)
  const made = useMutation({
    mutationFn: () => ask(api.POST('/v1/schedules', { params: { header: onceKey() }, body: { name: name.trim(), question: q, cron: toCron(every), formats: files, ...(events ? { days: Number(days) } : {}) } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['schedules'] }),
  })
  if (made.data)
    return (
      <div className="stack">
        <Banner kind="good" title={t('schedules.new.done', { name: made.data.name })} live />
        {made.data.price && <PriceTold price={made.data.price} />}
        <div>
          <ButtonLink kind="primary" to="/schedules">
            {t('schedules.new.list')}
          </ButtonLink>
        </div>
      </div>
    )
  return (
    <form
      className="form"
      onSubmit={(e) => {
        e.preventDefault()
        made.mutate()
      }}
    >
      <div className="panel">
        <p className="label">{t('schedules.new.question')}</p>
        <p>{titleOf(w, q)}</p>
        {q.where && <p className="small quiet">{w.t('condition.where', { what: whereIn(w, q)! })}</p>}
      </div>
      <TextField label={t('schedules.new.name')} value={name} onChange={setName} isRequired />
      <EveryFields every={every} onChange={setEvery} />
      {events && <Select label={t('schedules.window')} value={days} onChange={setDays} choices={['7', '14', '28', '30', '90'].map((id) => ({ id, label: t('schedules.days', { n: id }) }))} />}
      <MultiSelect label={t('schedules.new.formats')} help={t('schedules.new.formatsHelp')} choices={formats.map((id) => ({ id, label: t(`format.${id}`) }))} value={files} onChange={setFiles} none={t('schedules.new.noFormats')} />
      {price.data && <Year every={every} charged={price.data.rho} limits={accountsOf(price.data)} />}
      <Refused error={price.error ?? made.error} />
      <div>
        <Button kind="primary" type="submit" isDisabled={name.trim() === '' || made.isPending}>
          {t('schedules.new.make')}
        </Button>
      </div>
    </form>
  )
}

/** What it would take in 30 days and in a year of what is left of the budgets, were the data
 * others at each run. */
function Year({ every, charged, limits }: { every: Every; charged: number; limits: ReturnType<typeof accountsOf> }) {
  const { t } = useTranslation('reports')
  const [now] = useState(() => Date.now())
  const rows = (['30d', '365d'] as const).map((window) => {
    const of = limits.filter((a) => a.window === window)
    const runs = runsIn(every, window === '30d' ? 30 : 365, now)
    return { window, runs, sum: runs * charged, left: Math.min(...of.map(leftOf)), limit: Math.min(...of.map((a) => a.limit)) }
  })
  // As the room says it once it is made: of 30 days what is left now. A year gives back what was spent.
  const over = rows.some((r) => r.sum > (r.window === '30d' ? r.left : r.limit) + 5e-10)
  return (
    <Banner kind={over ? 'warn' : 'info'} title={t('schedules.year.title')}>
      <p>{t('schedules.year.run', { price: upTo(charged, digits) })}</p>
      {rows.map((r) => (
        <p key={r.window} className="num left">
          {t(`schedules.year.${r.window}`, { runs: r.runs, sum: upTo(r.sum, digits), left: upTo(r.left, digits), limit: upTo(r.limit, digits) })}
        </p>
      ))}
      <p>{t(over ? 'schedules.year.over' : 'schedules.year.same')}</p>
    </Banner>
  )
}

function EveryFields({ every: e, onChange }: { every: Every; onChange: (e: Every) => void }) {
  const { t } = useTranslation('reports')
  return (
    <>
      <Radios<Every['kind']> label={t('schedules.when')} value={e.kind} onChange={(kind) => onChange({ ...e, kind })} choices={(['day', 'week', 'month'] as const).map((id) => ({ id, label: t(`every.${id}`) }))} />
      <div className="row">
        {e.kind === 'week' && <Select label={t('every.weekday')} value={String(e.weekday)} onChange={(k) => onChange({ ...e, weekday: Number(k) })} choices={[1, 2, 3, 4, 5, 6, 0].map((n) => ({ id: String(n), label: t(`weekday.${n as 0}`) }))} />}
        {e.kind === 'month' && <Select label={t('every.date')} value={String(e.date)} onChange={(k) => onChange({ ...e, date: Number(k) })} choices={Array.from({ length: 28 }, (_, i) => ({ id: String(i + 1), label: t('every.dateN', { n: i + 1 }) }))} />}
        <Select label={t('every.hour')} value={String(e.hour)} onChange={(k) => onChange({ ...e, hour: Number(k) })} choices={Array.from({ length: 24 }, (_, i) => ({ id: String(i), label: `${String(i).padStart(2, '0')}:00` }))} />
      </div>
    </>
  )
}
