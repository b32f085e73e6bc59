import { useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Desk } from '../../../desk/desk'
import type { Checked, Kind, Options, Preview } from '../../../desk/protocol'
import { proposed } from '../../../desk/propose'
import { remembered } from '../../../desk/remember'
import { lacks, schemaOf, today, type Allowed, type Choice } from '../../../desk/schema'
import { Rate } from '../../../desk/rate'
import { Button } from '../../../ui/button'
import { number, span } from '../../../ui/format'
import { Progress } from '../../../ui/progress'
import { Banner } from '../../../ui/state'
import { Counts } from '../counts'
import { FileRefused } from '../fault'
import { Problems } from '../problems'
import { ColumnTable } from './table'
import { OneValue } from './value'
import { Warnings } from './warnings'
import type { Where } from './index'

/** A list that was checked whole, and what it is to be sent as. */
export type Ready = { options: Options; checked: Checked; choices: Choice[] }

type Run = { done: number; perSecond: number; left?: number } | { checked: Checked } | { error: unknown } | undefined

/** Step 3: what each column is; the whole file is checked as it would be sent, again
 * whenever that changes. */
export function ColumnsStep({ desk, where, file, person, preview, kind, onReady }: { desk: Desk; where: Where; file: File; person: string; preview: Preview; kind?: Kind; onReady: (r: Ready | undefined) => void }) {
  const { t } = useTranslation('lists')
  const may = useMemo<Allowed>(() => allowed(where), [where])
  const proposals = useMemo(() => proposed(preview, may), [preview, may])
  const [before] = useState(() => remembered(localStorage, person, { entrustment: where.taker.id, list: where.list }, preview, may, proposals))
  const [choices, setChoices] = useState<Choice[]>(before ?? proposals)
  const missing = lacks(preview, choices)
  const schema = useMemo(() => JSON.stringify(schemaOf(preview, choices)), [preview, choices])
  const options = useMemo<Options>(() => ({ purpose: 'list', name: file.name, today: today(), schema, kind, change: where.change }), [file, schema, kind, where.change])
  const run = useCheck(desk, file, options, preview.rows, missing.length === 0)
  const told = useRef(onReady)
  told.current = onReady
  const chosen = useRef(choices)
  chosen.current = choices
  const checked = run && 'checked' in run ? run.checked : undefined
  useEffect(() => {
    told.current(checked && checked.report.accepted > 0 ? { options, checked, choices: chosen.current } : undefined)
  }, [checked, options])
  const rows = checked?.report.rows ?? preview.rows
  return (
    <div className="stack">
      <p className="quiet">{t('columns.lead')}</p>
      {before && <AsBefore choices={choices} proposals={proposals} onChange={setChoices} />}
      <Warnings preview={preview} choices={choices} may={may} />
      <ColumnTable preview={preview} choices={choices} may={may} change={where.change} missing={missing} report={checked?.report} onChange={setChoices} />
      <Missing missing={missing.map((m) => m.lack)} />
      {run && 'done' in run && (
        <Progress
          label={t('check.running')}
          share={Math.min(0.99, run.done / Math.max(rows, 1))}
          text={[t('check.rows', { rows: number(run.done) }), run.perSecond > 0 && t('check.speed', { rows: number(Math.round(run.perSecond)) }), run.left !== undefined && t('check.left', { span: span(run.left) })].filter(Boolean).join(' · ')}
        />
      )}
      {run && 'error' in run && <FileRefused error={run.error} />}
      {checked && (
        <div className="stack" role="status">
          <h3>{t('check.title')}</h3>
          <Counts report={checked.report} />
          {checked.report.accepted === 0 && <Banner kind="bad" title={t('check.nothing')} />}
          <Problems groups={checked.groups} problems={checked.problems} />
        </div>
      )}
      <OneValue desk={desk} file={file} options={options} looked={preview.looked} />
    </div>
  )
}

/** The list was sent with this header before: its columns are what they were then, unless
 * somebody wants them as they would be proposed. */
function AsBefore({ choices, proposals, onChange }: { choices: Choice[]; proposals: Choice[]; onChange: (c: Choice[]) => void }) {
  const { t } = useTranslation('lists')
  const [left, leave] = useState<Choice[]>() // for the proposals, with what was chosen by hand
  return (
    <div className="row" role="status">
      <span>{t(left ? 'columns.asProposed' : 'columns.asBefore')}</span>
      <Button
        onPress={() => {
          onChange(left ?? proposals)
          leave(left ? undefined : choices)
        }}
      >
        {t(left ? 'columns.restore' : 'columns.propose')}
      </Button>
    </div>
  )
}

function Missing({ missing }: { missing: string[] }) {
  const { t } = useTranslation('lists')
  const kinds = [...new Set(missing)]
  if (kinds.length === 0) return null
  return (
    <Banner kind="warn" title={t('lack.title')} live>
      <ul>
        {kinds.map((k) => (
          <li key={k}>{t(`lack.${k}` as 'lack.open')}</li>
        ))}
      </ul>
    </Banner>
  )
}

function allowed(w: Where): Allowed {
  const c = w.taker.contract
  return { identifiers: c.identifiers, columns: c.list_columns ?? [], delivers: c.outputs.includes('delivery') || c.flow.endsWith('delivery'), before: w.columnsBefore }
}

/** Checks the whole file, a moment after the last change of what it is checked by. */
function useCheck(desk: Desk, file: File, options: Options, rows: number, wanted: boolean): Run {
  const [run, setRun] = useState<Run>()
  useEffect(() => {
    setRun(undefined)
    if (!wanted) return
    const stop = new AbortController()
    const set = (r: Run) => !stop.signal.aborted && setRun(r)
    const rate = new Rate()
    const timer = setTimeout(() => {
      set({ done: 0, perSecond: 0 })
      desk
        .check(file, options, {
          signal: stop.signal,
          progress: (done) => {
            rate.add(done, performance.now())
            set({ done, perSecond: rate.perSecond(), left: rate.left(rows) })
          },
        })
        .then(
          (checked) => set({ checked }),
          (error: unknown) => set({ error }),
        )
    }, 250)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [desk, file, options, rows, wanted])
  return run
}
