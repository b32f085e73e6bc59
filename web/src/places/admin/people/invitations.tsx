import { useState } from 'react'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../../../api/client'
import type { Me } from '../../../api/me'
import { Button } from '../../../ui/button'
import { time } from '../../../ui/format'
import { Banner, Empty, Load, Refused } from '../../../ui/state'
import { Table, type Column } from '../../../ui/table'
import { changed, useInvitations, type Invitation } from '../ask'
import { runsParty } from '../may'
import { inviteAgain } from './again'
import { OnceLink } from './link'

/** Who is invited and has not come yet. */
export function Invitations({ me }: { me: Me }) {
  const { t } = useTranslation(['admin', 'shell'])
  const open = useInvitations()
  const [taken, setTaken] = useState<Invitation>()
  const drop = useMutation({
    mutationFn: (v: Invitation) => ask(api.DELETE('/v1/invitations/{invitation}', { params: { path: { invitation: v.id } } })),
    onSuccess: async (_, v) => {
      undo.reset()
      setTaken(v)
      await changed('invitations')
    },
  })
  const undo = useMutation({
    mutationFn: (v: Invitation) => inviteAgain(v, me),
    onSuccess: async () => {
      setTaken(undefined)
      await changed('invitations')
    },
  })
  const columns: Column<Invitation>[] = [
    {
      id: 'who',
      head: t('people.person'),
      header: true,
      cell: (v) => (
        <>
          {v.name}
          <div className="small quiet">{v.email}</div>
        </>
      ),
    },
    { id: 'what', head: t('invitations.what'), cell: (v) => (v.person ? t('invitations.reset') : v.party === me.party ? t('invitations.new') : t('invitations.firstAdmin', { party: v.party })) },
    { id: 'roles', head: t('people.roles'), cell: (v) => v.roles.map((r) => t(`shell:role.${r}`)).join(t('people.comma')) },
    { id: 'ends', head: t('invitations.ends'), cell: (v) => time(v.ends) },
  ]
  if (runsParty(me))
    columns.push({
      id: 'act',
      head: <span className="unseen">{t('act')}</span>,
      cell: (v) => (
        <Button isDisabled={drop.isPending} onPress={() => drop.mutate(v)} aria-label={t('invitations.dropOf', { name: v.name })}>
          {t('invitations.drop')}
        </Button>
      ),
    })
  return (
    <section className="stack-s">
      <h2>{t('invitations.name')}</h2>
      <Refused error={drop.error} />
      <Refused error={undo.error} />
      {undo.data && <OnceLink of={undo.data} kind={undo.data.person ? 'reset' : 'invited'} />}
      {taken && (
        <Banner title={t('invitations.dropped', { name: taken.name })} live>
          <p>{t('invitations.droppedText')}</p>
          <div>
            <Button isDisabled={undo.isPending} onPress={() => undo.mutate(taken)}>
              {t('invitations.again')}
            </Button>
          </div>
        </Banner>
      )}
      <Load of={open} lines={2}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title={t('invitations.empty')}>
              <p>{t(runsParty(me) ? 'invitations.emptyText' : 'invitations.emptyRead')}</p>
            </Empty>
          ) : (
            <Table label={t('invitations.name')} rows={rows} id={(v) => v.id} columns={columns} />
          )
        }
      </Load>
    </section>
  )
}
