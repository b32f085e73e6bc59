import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useRoom, type Me } from '../../../api/me'
import { ButtonLink, Link } from '../../../ui/button'
import { TextField } from '../../../ui/field'
import { number } from '../../../ui/format'
import { PageHead } from '../../../ui/page'
import { Badge, Empty, Load } from '../../../ui/state'
import { Table } from '../../../ui/table'
import { useDrafts, useParties, type PartyInfo } from '../ask'
import { Ceremony, useInitialised } from '../ceremony'
import { runsRoom, seesDrafts } from '../may'
import { ofParty, Waits } from './waits'

/** Who is in the room: of the operator all, of others those that one shares a contract
 * with. */
export function Parties({ me }: { me: Me }) {
  const { t } = useTranslation('admin')
  const parties = useParties()
  const drafts = useDrafts(seesDrafts(me)).data?.filter(ofParty) ?? []
  const signed = useRoom().data?.officers
  const [looked, look] = useState('')
  const initialised = useInitialised()
  const add = runsRoom(me) && initialised && (
    <ButtonLink kind="primary" to="/parties/new">
      {t('parties.add')}
    </ButtonLink>
  )
  return (
    <>
      <PageHead title={t('parties.name')} lead={t(!me.operator ? 'parties.lead' : signed ? 'parties.leadOperator' : 'parties.leadDev')} action={add} />
      {initialised === false && <Ceremony />}
      {drafts.map((d) => (
        <Waits key={d.hash} draft={d} me={me} />
      ))}
      <Load of={parties}>
        {(all) => {
          const word = looked.trim().toLowerCase()
          const rows = all.filter((p) => !word || p.party.id.includes(word) || p.party.group.includes(word))
          if (all.length === 0)
            return (
              <Empty title={t('parties.empty')} action={add}>
                <p>{t(runsRoom(me) ? 'parties.emptyText' : 'parties.emptyRead')}</p>
              </Empty>
            )
          return (
            <div className="stack">
              {all.length > 10 && (
                <div className="search">
                  <TextField type="search" label={t('parties.search')} value={looked} onChange={look} />
                </div>
              )}
              <PartyTable rows={rows} me={me} waiting={new Set(drafts.map((d) => d.statement.id))} />
            </div>
          )
        }}
      </Load>
    </>
  )
}

function PartyTable({ rows, me, waiting }: { rows: PartyInfo[]; me: Me; waiting: Set<string> }) {
  const { t } = useTranslation('admin')
  return (
    <Table
      label={t('parties.name')}
      rows={rows}
      id={(p) => p.party.id}
      columns={[
        {
          id: 'id',
          head: t('party.id'),
          header: true,
          cell: ({ party }) => (
            <span className="badges">
              <Link href={`/parties/${party.id}`}>{party.id}</Link>
              {party.id === me.party && <span className="small quiet">{t('party.own')}</span>}
              {waiting.has(party.id) && <Badge kind="warn">{t('waits.badge')}</Badge>}
            </span>
          ),
        },
        { id: 'class', head: t('party.class'), cell: ({ party }) => t(`class.${party.class}`) },
        { id: 'group', head: t('party.group'), cell: ({ party }) => party.group },
        { id: 'country', head: t('party.country'), cell: ({ party }) => party.country },
        { id: 'officers', head: t('party.officers'), num: true, cell: ({ party }) => number(party.officers?.length ?? 0) },
        { id: 'version', head: t('party.version'), num: true, cell: (p) => number(p.version) },
      ]}
    />
  )
}
