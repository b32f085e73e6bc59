import { useState, type FormEvent } from 'react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask, queries, type Schemas } from '../../../api/client'
import type { Me, Role } from '../../../api/me'
import { Button } from '../../../ui/button'
import { TextField } from '../../../ui/field'
import { time } from '../../../ui/format'
import { Facts, PageHead } from '../../../ui/page'
import { Banner, Load, Refused } from '../../../ui/state'
import { changed, type Person as Who } from '../ask'
import { runsParty } from '../may'
import { Reset } from './reset'
import { RolesField } from './roles'
import { Stand } from '.'

/** One of the party's people. */
export function Person({ me, id }: { me: Me; id: string }) {
  const { t } = useTranslation(['admin', 'shell'])
  const person = useQuery({ queryKey: ['people', id], queryFn: () => ask(api.GET('/v1/people/{person}', { params: { path: { person: id } } })) })
  return (
    <Load of={person}>
      {(p) => (
        <>
          <PageHead title={p.name} crumbs={[['/people', t('people.name')]]} />
          <div className="panel">
            <Facts
              rows={[
                [t('people.email'), p.email],
                [t('people.party'), p.party],
                [t('people.roles'), p.roles.map((r) => t(`shell:role.${r}`)).join(t('people.comma'))],
                [t('people.state'), <Stand person={p} />],
                [t('people.factor'), !p.password ? t('people.factorProvider') : p.totp ? t('people.factorOn') : t('people.factorOff')],
                [t('people.language'), t(`people.lang.${p.language}`)],
                [t('people.since'), time(p.created)],
                [t('people.seen'), p.signed_in ? time(p.signed_in) : t('people.never')],
              ]}
            />
          </div>
          {runsParty(me) && (
            <>
              <Change person={p} me={me} />
              {p.id === me.id ? (
                <p className="quiet">{t('people.ownHelp')}</p>
              ) : (
                <>
                  <Disable person={p} />
                  <Reset person={p} />
                </>
              )}
            </>
          )}
        </>
      )}
    </Load>
  )
}

function useChange(person: Who) {
  return useMutation({
    mutationFn: (body: Schemas['PersonChange']) => ask(api.PATCH('/v1/people/{person}', { params: { path: { person: person.id } }, body })),
    onSuccess: async (p) => {
      queries.setQueryData(['people', p.id], p)
      await changed('people', 'me')
    },
  })
}

function Change({ person: p, me }: { person: Who; me: Me }) {
  const { t } = useTranslation('admin')
  const [name, setName] = useState(p.name)
  const [roles, setRoles] = useState<Role[]>(p.roles)
  const change = useChange(p)
  const lastAdmin = { 'E_CONFLICT roles': { what: t('refused.lastAdmin.what'), mend: t('refused.lastAdmin.mend') } }
  const sameRoles = roles.length === p.roles.length && roles.every((r) => p.roles.includes(r))
  const same = name.trim() === p.name && sameRoles
  const send = (e: FormEvent) => {
    e.preventDefault()
    change.mutate({ ...(name.trim() !== p.name ? { name: name.trim() } : {}), ...(sameRoles ? {} : { roles }) })
  }
  return (
    <section>
      <h2>{t('change.title')}</h2>
      <form className="form" onSubmit={send}>
        <TextField label={t('people.personName')} value={name} onChange={setName} isRequired maxLength={100} autoComplete="off" />
        <RolesField value={roles} onChange={setRoles} operator={me.operator} error={roles.length === 0 ? t('change.noRole') : undefined} />
        {!sameRoles && <p className="small quiet">{t(p.id === me.id ? 'change.ownSessions' : 'change.sessions', { name: p.name })}</p>}
        <Refused error={change.error} as={lastAdmin} />
        {change.isSuccess && same && <Banner kind="good" title={t('change.done')} live />}
        <div>
          <Button kind="primary" type="submit" isDisabled={same || change.isPending || !name.trim() || roles.length === 0}>
            {t('change.save')}
          </Button>
        </div>
      </form>
    </section>
  )
}

function Disable({ person: p }: { person: Who }) {
  const { t } = useTranslation('admin')
  const change = useChange(p)
  const lastAdmin = { 'E_CONFLICT roles': { what: t('refused.lastAdmin.what'), mend: t('refused.lastAdmin.mend') } }
  return (
    <section className="stack-s">
      <h2>{t('disable.title')}</h2>
      <Refused error={change.error} as={lastAdmin} />
      {p.disabled ? (
        <Banner kind={change.isSuccess ? 'good' : 'warn'} title={t('disable.isOff', { name: p.name })} live>
          <p>{t('disable.offText')}</p>
          <div>
            <Button isDisabled={change.isPending} onPress={() => change.mutate({ disabled: false })}>
              {t(change.isSuccess ? 'disable.undo' : 'disable.enable')}
            </Button>
          </div>
        </Banner>
      ) : (
        <>
          <p>{t('disable.text')}</p>
          <div>
            <Button kind="danger" isDisabled={change.isPending} onPress={() => change.mutate({ disabled: true })}>
              {t('disable.do')}
            </Button>
          </div>
        </>
      )}
    </section>
  )
}
