import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSearch } from 'wouter'
import { useMe } from '../../../api/me'
import { Desk } from '../../../desk/desk'
import type { Change, Preview } from '../../../desk/protocol'
import { sentAs, type Choice } from '../../../desk/schema'
import { useUploads } from '../../../desk/uploads'
import { ButtonLink } from '../../../ui/button'
import { number } from '../../../ui/format'
import { PageHead } from '../../../ui/page'
import { Empty, Load } from '../../../ui/state'
import { useAttributes } from '../attributes'
import { useTakers, type Taker } from '../data'
import { Step } from './step'
import { OneUpload, Uploads } from '../sending'
import { WhereStep } from './where'
import { FileStep, type Seen } from './file'
import { ColumnsStep } from './columns'
import { SendStep } from './send'
import type { Ready } from './columns'

/** Under what, as which list, and what the file does to it. */
export type Where = { taker: Taker; list: string; isNew: boolean; change: Change; rowsBefore?: number; columnsBefore: { name: string; domain: string[] }[] }

/** A new list, or a new version of one: four steps on one page; nothing leaves before
 * the last. */
export function NewList() {
  const { t } = useTranslation('lists')
  const takers = useTakers()
  const [sending, setSending] = useState<string>()
  return (
    <>
      <PageHead title={t('new.title')} lead={sending ? undefined : t('new.lead')} crumbs={[['/', t('title')]]} />
      <Load of={takers}>
        {(all) => {
          const open = all.filter((e) => e.state === 'active')
          return open.length > 0 ? (
            <Wizard takers={open} sending={sending} setSending={setSending} />
          ) : (
            <Empty title={t('new.none.title')} action={<ButtonLink to="~/entrustments">{t('new.none.go')}</ButtonLink>}>
              <p>{t('new.none.text')}</p>
            </Empty>
          )
        }}
      </Load>
    </>
  )
}

function Wizard({ takers, sending, setSending }: { takers: Taker[]; sending?: string; setSending: (id: string | undefined) => void }) {
  const { t } = useTranslation('lists')
  const asked = useSearch()
  const search = new URLSearchParams(asked)
  const desk = useDesk()
  const [where, setWhere] = useState<Where>()
  const [files, setFiles] = useState<File[]>([])
  const [seen, setSeen] = useState<Seen>()
  const [ready, setReady] = useState<Ready>()
  const [round, setRound] = useState(0)
  const file = files[0]
  // What was seen under one entrustment is looked at anew under another, whose attributes differ.
  const attributes = useAttributes(where ? (where.taker.contract.list_columns ?? none) : undefined)
  const here = seen?.file === file && seen?.attributes === attributes ? seen : undefined
  const person = useMe().data?.id ?? ''
  const done = useUploads().some((s) => s.meta.id === sending && s.meta.state === 'loaded')
  // The steps before shrink, and what was pressed is gone: whoever pressed it goes on here.
  useEffect(() => {
    if (sending) document.getElementById('step-4')?.focus()
  }, [sending])
  const next = () => {
    setSending(undefined)
    setReady(undefined)
    setSeen(undefined)
    setFiles((f) => f.slice(1))
    setWhere(undefined)
    setRound(round + 1)
  }
  return (
    <div className="stack">
      {!sending && <Uploads unfinished />}
      {!sending && (
        <p className="local-line" role="note">
          <span aria-hidden="true">●</span> {t('new.local')}
        </p>
      )}
      <Step n={1} title={t('where.title')} open done={!!where} summary={sending && where && t(`new.summary.${where.isNew ? 'new' : where.change || 'replace'}`, { entrustment: where.taker.id, list: where.list })}>
        <WhereStep key={`${round} ${asked}`} takers={takers} first={{ entrustment: search.get('entrustment'), list: search.get('list'), change: search.get('change') }} onChange={setWhere} />
      </Step>
      <Step n={2} title={t('file.title')} open={!!where} done={!!here} summary={sending && here && t('new.summary.file', { file: here.file.name, rows: number(ready?.checked.report.rows ?? here.preview.rows) })}>
        {where && (
          <FileStep
            desk={desk}
            files={files}
            attributes={attributes}
            onFiles={(f) => {
              setReady(undefined)
              setSeen(undefined)
              setFiles(f)
            }}
            onSeen={setSeen}
            seen={here}
          />
        )}
      </Step>
      <Step n={3} title={t('columns.title')} open={!!where && !!here} done={!!ready} summary={sending && here && ready && t('new.summary.columns', { columns: sentOf(here.preview, ready.choices, where?.change ?? '').join(t('comma')) })}>
        {where && here && <ColumnsStep key={keyOf(where, here)} desk={desk} where={where} file={here.file} person={person} preview={here.preview} kind={here.kind} onReady={setReady} />}
      </Step>
      <Step n={4} title={t('send.title')} open={!!ready} done={done}>
        {sending ? (
          <OneUpload id={sending} more={files.length - 1} onNext={next} />
        ) : (
          where && here && ready && <SendStep where={where} file={here.file} preview={here.preview} ready={ready} onSending={setSending} />
        )}
      </Step>
    </div>
  )
}

/** Columns are proposed anew for another file, kind, entrustment or list; not for each
 * letter of a new list's name. */
const keyOf = (w: Where, s: Seen) => JSON.stringify([w.taker.id, w.isNew ? '' : w.list, w.columnsBefore, s.file.name, s.file.lastModified, s.kind])

const none: string[] = []

/** The columns that are sent, by their headers. */
const sentOf = (p: Preview, choices: Choice[], change: Change) =>
  p.columns.filter((c, i) => !['nothing', 'undecided', 'consent'].includes(sentAs(c, choices[i] ?? { use: 'drop' }, change))).map((c) => c.name)

/** One desk for the screen: its worker ends with it. */
function useDesk(): Desk {
  const [desk] = useState(() => new Desk())
  useEffect(() => {
    desk.warm()
    return () => desk.close()
  }, [desk])
  return desk
}
