import { useTranslation } from 'react-i18next'
import { has, type Me } from '../../api/me'
import { Button, Link } from '../../ui/button'
import { Checkbox } from '../../ui/field'
import { day, time } from '../../ui/format'
import { Badge } from '../../ui/state'
import { Table } from '../../ui/table'
import { useLocation } from 'wouter'
import { fromDocument, type Document } from './ask/question'
import { keepDraft } from './ask/keep'
import { standardOf } from './ask/kinds'
import { type Report } from './data'
import { besides, titleOf, whereIn } from './title'
import { useWords } from '../../report/useWords'

/** Reports as a table; two of them may be chosen to be laid side by side. */
export function ReportRows({ reports, me, chosen, onChoose }: { reports: Report[]; me: Me | null | undefined; chosen?: string[]; onChoose?: (ids: string[]) => void }) {
  const { t } = useTranslation('reports')
  const w = useWords()
  const [, go] = useLocation()
  const again = (r: Report) => {
    const d = fromDocument(r.question as Document)
    keepDraft(standardOf(d.kind), d)
    go(`/ask/${standardOf(d.kind)}`)
  }
  const first = reports.find((r) => r.id === chosen?.at(-1))
  const fits = (r: Report) => !first || besides(first.question as Document, r.question as Document)
  const toggle = (id: string, on: boolean) => onChoose?.(on ? [...(chosen ?? []), id].slice(-2) : (chosen ?? []).filter((c) => c !== id))
  return (
    <div className="reportrows">
      <Table
        label={t('list.label')}
        rows={reports}
        id={(r) => r.id}
        columns={[
          ...(onChoose
            ? [
                {
                  id: 'choose',
                  head: <span className="unseen">{t('list.choose')}</span>,
                  cell: (r: Report) =>
                    r.state === 'kept' && (
                      <Checkbox aria-label={t('list.chooseOne', { title: titleOf(w, r.question as Document) })} isSelected={(chosen ?? []).includes(r.id)} isDisabled={!fits(r)} onChange={(on) => toggle(r.id, on)}>
                        {''}
                      </Checkbox>
                    ),
                },
              ]
            : []),
          {
            id: 'title',
            head: t('list.report'),
            header: true,
            cell: (r) => {
              const q = r.question as Document
              const where = whereIn(w, q)
              return (
                <>
                  {r.state === 'kept' ? <Link href={`/${r.id}`}>{titleOf(w, q)}</Link> : titleOf(w, q)}
                  {where && <div className="small quiet">{w.t('condition.where', { what: where })}</div>}
                  <div className="small quiet">
                    {r.entrustment} · {t('list.by', { party: r.asked_by })}
                    {r.schedule && ` · ${t('list.scheduled')}`}
                  </div>
                </>
              )
            },
          },
          { id: 'at', head: t('list.at'), cell: (r) => <span className="nowrap">{time(r.released_at)}</span> },
          {
            id: 'state',
            head: t('list.state'),
            cell: (r) => (
              <>
                {r.state === 'kept' ? <Badge kind="good">{t('list.kept')}</Badge> : <Badge>{t('list.gone')}</Badge>}
                <div className="small quiet nowrap">{t('list.until', { day: day(r.kept_until) })}</div>
              </>
            ),
          },
          ...(has(me, 'marketing')
            ? [
                {
                  id: 'again',
                  head: <span className="unseen">{t('list.again')}</span>,
                  cell: (r: Report) => (
                    <Button kind="plain" onPress={() => again(r)}>
                      {t('list.again')}
                    </Button>
                  ),
                },
              ]
            : []),
        ]}
      />
    </div>
  )
}
