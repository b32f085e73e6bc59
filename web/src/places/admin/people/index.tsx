import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Me } from '../../../api/me'
import { ButtonLink, Link } from '../../../ui/button'
import { TextField } from '../../../ui/field'
import { time } from '../../../ui/format'
import { PageHead } from '../../../ui/page'
import { Badge, Empty, Load } from '../../../ui/state'
import { Table } from '../../../ui/table'
import { usePeople, type Person } from '../ask'
import { runsParty } from '../may'
import { Invitations } from './invitations'

/** People of the party, and who is invited. */
export function People({ me }: { me: Me }) {
  const { t } = useTranslation('admin')
  const people = usePeople()
  const [looked, look] = useState('')
  return (
    <>
      <PageHead
        title={t('people.name')}
        lead={t('people.lead', { party: me.party })}
        action={
          runsParty(me) && (
            <ButtonLink kind="primary" to="/people/invite">
              {t('people.invite')}
            </ButtonLink>
          )
        }
      />
      <Load of={people}>
        {(all) => {
          const word = looked.trim().toLowerCase()
          const rows = all.filter((p) => !word || p.name.toLowerCase().includes(word) || p.email.includes(word))
          return (
            <div className="stack">
              {all.length > 10 && (
                <div className="search">
                  <TextField type="search" label={t('people.search')} value={looked} onChange={look} />
                </div>
              )}
              {rows.length === 0 ? (
                <Empty title={t('people.noneFound')}>
                  <p>{t('people.noneFoundText')}</p>
                </Empty>
              ) : (
                <PeopleTable rows={rows} me={me} />
              )}
            </div>
          )
        }}
      </Load>
      <Invitations me={me} />
    </>
  )
}

function PeopleTable({ rows, me }: { rows: Person[]; me: Me }) {
  const { t } = useTranslation(['admin', 'shell'])
  return (
    <Table
      label={t('people.name')}
      rows={rows}
      id={(p) => p.id}
      columns={[
        {
          id: 'name',
          head: t('people.person'),
          header: true,
          cell: (p) => (
            <>
              <Link href={`/people/${p.id}`}>{p.name}</Link>
              {p.id === me.id && <span className="small quiet">{t('people.you')}</span>}
              <div className="small quiet">{p.email}</div>
            </>
          ),
        },
        { id: 'roles', head: t('people.roles'), cell: (p) => p.roles.map((r) => t(`shell:role.${r}`)).join(t('people.comma')) },
        { id: 'state', head: t('people.state'), cell: (p) => <Stand person={p} /> },
        { id: 'seen', head: t('people.seen'), cell: (p) => (p.signed_in ? time(p.signed_in) : t('people.never')) },
      ]}
    />
  )
}

/** How an account stands: whether it may sign in, and how well that is guarded. */
export function Stand({ person: p }: { person: Person }) {
  const { t } = useTranslation('admin')
  return (
    <span className="badges">
      {p.disabled ? <Badge kind="bad">{t('people.disabled')}</Badge> : <Badge kind="good">{t('people.active')}</Badge>}
      {p.password && !p.totp && !p.disabled && <Badge kind="warn">{t('people.noTotp')}</Badge>}
      {!p.password && <Badge>{t('people.byProvider')}</Badge>}
    </span>
  )
}
