import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocation } from 'wouter'
import { has, useMe, type Me } from '../../api/me'
import { Button, ButtonLink } from '../../ui/button'
import { Select, TextField } from '../../ui/field'
import { PageHead } from '../../ui/page'
import { Empty, Load } from '../../ui/state'
import type { Document } from './ask/question'
import { useReports, type Report } from './data'
import { Underway } from './underway'
import { ReportRows } from './rows'
import { titleOf } from './title'
import { useWords } from '../../report/useWords'
import './ask/ask.css'

/** The reports that there are, what is under way, and what was refused. */
export default function Reports() {
  const { t } = useTranslation('reports')
  const me = useMe()
  const reports = useReports()
  const asks = has(me.data, 'marketing')
  return (
    <>
      <PageHead
        title={t('title')}
        lead={t('lead')}
        action={
          <>
            <ButtonLink to="/schedules">{t('schedules.title')}</ButtonLink>
            {asks && (
              <ButtonLink kind="primary" to="/ask">
                {t('list.ask')}
              </ButtonLink>
            )}
          </>
        }
      />
      <Load of={me}>{(who) => <Underway me={who!} />}</Load>
      <Load of={reports} lines={8}>
        {(rs) =>
          rs.length === 0 ? (
            <Empty title={t('list.empty.title')} action={asks && <ButtonLink to="/ask">{t('list.empty.go')}</ButtonLink>}>
              <p>{t(asks ? 'list.empty.text' : 'list.empty.read')}</p>
            </Empty>
          ) : (
            <Found reports={rs} me={me.data} />
          )
        }
      </Load>
    </>
  )
}

const any = 'any'

function Found({ reports, me }: { reports: Report[]; me: Me | null | undefined }) {
  const { t } = useTranslation('reports')
  const w = useWords()
  const [, go] = useLocation()
  const [text, setText] = useState('')
  const [kind, setKind] = useState(any)
  const [under, setUnder] = useState(any)
  const [chosen, choose] = useState<string[]>([])
  const [most, setMost] = useState(25)
  const words = text.normalize('NFKC').toLowerCase().split(/\s+/).filter(Boolean)
  const said = (r: Report) => `${titleOf(w, r.question as Document)} ${r.entrustment} ${r.list ?? ''} ${r.asked_by}`.normalize('NFKC').toLowerCase()
  const found = reports.filter((r) => (kind === any || r.kind === kind) && (under === any || r.entrustment === under) && words.every((x) => said(r).includes(x)))
  const choices = (values: string[], label: (v: string) => string, all: string) => [{ id: any, label: all }, ...[...new Set(values)].sort().map((id) => ({ id, label: label(id) }))]
  const clear = () => {
    setText('')
    setKind(any)
    setUnder(any)
  }
  return (
    <section className="stack-s" aria-label={t('list.label')}>
      <div className="filters">
        <TextField label={t('list.search')} type="search" value={text} onChange={setText} />
        <Select label={t('list.kind')} value={kind} onChange={setKind} choices={choices(reports.map((r) => r.kind), (k) => w.t(`report.${k}`), t('list.all'))} />
        <Select label={t('list.entrustment')} value={under} onChange={setUnder} choices={choices(reports.map((r) => r.entrustment), (e) => e, t('list.all'))} />
      </div>
      {found.length === 0 ? (
        <Empty title={t('list.none.title')} action={<Button onPress={clear}>{t('list.none.go')}</Button>}>
          <p>{t('list.none.text')}</p>
        </Empty>
      ) : (
        <>
          <div className="row between">
            <span className="small quiet" role="status">
              {t('list.count', { n: found.length })}
            </span>
            <div className="row">
              <span className="small quiet">{t('list.compareHelp')}</span>
              <Button isDisabled={chosen.length !== 2} onPress={() => go(`/compare?a=${chosen[0]}&b=${chosen[1]}`)}>
                {t('list.compare')}
              </Button>
            </div>
          </div>
          <ReportRows reports={found.slice(0, most)} me={me} chosen={chosen} onChoose={choose} />
          {found.length > most && (
            <div>
              <Button onPress={() => setMost(most + 50)}>{t('ui:more')}</Button>
            </div>
          )}
        </>
      )}
    </section>
  )
}
