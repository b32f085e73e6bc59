import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSearch } from 'wouter'
import { Desk } from '../../../desk/desk'
import type { Change, Preview } from '../../../desk/protocol'
import { ButtonLink } from '../../../ui/button'
import { PageHead } from '../../../ui/page'
import { Empty, Load } from '../../../ui/state'
import { useTakers, type Taker } from '../data'
import { Step } from './step'
import { Uploads } from '../sending'
import { WhereStep } from './where'
import { FileStep } from './file'
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
  return (
    <>
      <PageHead title={t('new.title')} lead={t('new.lead')} crumbs={[['/', t('title')]]} />
      <Load of={takers}>
        {(all) => {
          const open = all.filter((e) => e.state === 'active')
          return open.length > 0 ? (
            <Wizard takers={open} />
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

function Wizard({ takers }: { takers: Taker[] }) {
  const { t } = useTranslation('lists')
  const asked = useSearch()
  const search = new URLSearchParams(asked)
  const desk = useDesk()
  const [where, setWhere] = useState<Where>()
  const [files, setFiles] = useState<File[]>([])
  const [seen, setSeen] = useState<{ file: File; preview: Preview; kind?: 'email' | 'phone' | 'maid' }>()
  const [ready, setReady] = useState<Ready>()
  const [sending, setSending] = useState<string>()
  const [round, setRound] = useState(0)
  const file = files[0]
  const here = seen?.file === file ? seen : undefined
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
      <Step n={1} title={t('where.title')} open done={!!where}>
        <WhereStep key={`${round} ${asked}`} takers={takers} first={{ entrustment: search.get('entrustment'), list: search.get('list'), change: search.get('change') }} isDisabled={!!sending} onChange={setWhere} />
      </Step>
      <Step n={2} title={t('file.title')} open={!!where} done={!!here}>
        {where && (
          <FileStep
            desk={desk}
            files={files}
            isDisabled={!!sending}
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
      <Step n={3} title={t('columns.title')} open={!!where && !!here} done={!!ready}>
        {where && here && <ColumnsStep key={`${where.taker.id} ${here.file.name} ${here.file.lastModified} ${here.kind ?? ''}`} desk={desk} where={where} file={here.file} preview={here.preview} kind={here.kind} isDisabled={!!sending} onReady={setReady} />}
      </Step>
      <Step n={4} title={t('send.title')} open={!!ready} done={false}>
        {where && here && ready && <SendStep where={where} file={here.file} ready={ready} sending={sending} more={files.length - 1} onSending={setSending} onNext={next} />}
      </Step>
    </div>
  )
}

/** One desk for the screen: its worker ends with it. */
function useDesk(): Desk {
  const [desk] = useState(() => new Desk())
  useEffect(() => {
    desk.warm()
    return () => desk.close()
  }, [desk])
  return desk
}
