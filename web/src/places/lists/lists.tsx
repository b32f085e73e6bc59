import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { has, useMe } from '../../api/me'
import { ButtonLink, Link } from '../../ui/button'
import { TextField } from '../../ui/field'
import { day, number, time } from '../../ui/format'
import { PageHead } from '../../ui/page'
import { Badge, Empty, Load } from '../../ui/state'
import { Table } from '../../ui/table'
import { newest, useAllLists, useFloor, useTakers, type Row } from './data'
import { Uploads } from './sending'

/** All lists of the party. */
export function Lists() {
  const { t } = useTranslation('lists')
  const me = useMe().data
  const takers = useTakers()
  const lists = useAllLists(takers.data)
  const sends = has(me, 'adops') && !me?.operator
  const add = sends && (
    <ButtonLink kind="primary" to="/new">
      {t('add')}
    </ButtonLink>
  )
  return (
    <>
      <PageHead title={t('title')} lead={t('lead')} action={add} />
      {sends && <Uploads />}
      <Load of={takers.error ? { ...takers, data: undefined } : lists}>
        {(rows) =>
          rows.length > 0 ? (
            <ListTable rows={rows} />
          ) : (
            <Empty title={t('empty.title')} action={sends && <ButtonLink to="/new">{t('add')}</ButtonLink>}>
              <p>{t(me?.operator ? 'empty.operator' : sends ? 'empty.text' : 'empty.others')}</p>
            </Empty>
          )
        }
      </Load>
    </>
  )
}

function ListTable({ rows }: { rows: Row[] }) {
  const { t } = useTranslation('lists')
  const [word, setWord] = useState('')
  const floor = useFloor()
  const shown = rows.filter((r) => `${r.list.name} ${r.taker.id}`.toLowerCase().includes(word.trim().toLowerCase()))
  return (
    <div className="stack-s">
      {rows.length > 8 && <TextField type="search" label={t('search')} value={word} onChange={setWord} />}
      <Table
        label={t('title')}
        rows={shown}
        id={(r) => `${r.taker.id}/${r.list.name}`}
        columns={[
          { id: 'name', head: t('column.list'), header: true, cell: (r) => <Link href={`/${r.taker.id}/${r.list.name}`}>{r.list.name}</Link> },
          { id: 'entrustment', head: t('column.entrustment'), cell: (r) => r.taker.id },
          { id: 'version', head: t('column.version'), num: true, cell: (r) => number(newest(r.list)?.version ?? 0) },
          { id: 'rows', head: t('column.rows'), num: true, cell: (r) => number(newest(r.list)?.rows ?? 0) },
          { id: 'at', head: t('column.at'), cell: (r) => <span className="nowrap">{time(newest(r.list)?.at ?? r.list.expires_at)}</span> },
          { id: 'expires', head: t('column.expires'), cell: (r) => <span className="nowrap">{day(r.list.expires_at)}</span> },
          { id: 'state', head: t('column.state'), cell: (r) => <StateOf row={r} floor={floor} /> },
        ]}
      />
    </div>
  )
}

/** Whether reports can use a list, or what refuses it. */
export function StateOf({ row: { taker, list }, floor }: { row: Row; floor: number }) {
  const { t } = useTranslation('lists')
  if (taker.state !== 'active') return <Badge kind="warn">{t(`state.${taker.state}` as 'state.expired')}</Badge>
  if ((newest(list)?.rows ?? 0) < floor) return <Badge kind="warn">{t('state.small', { floor: number(floor) })}</Badge>
  return <Badge kind="good">{t('state.ready')}</Badge>
}
