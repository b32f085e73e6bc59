import { useState, type FormEvent } from 'react'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask, onceKey } from '../../../api/client'
import type { Me, Role } from '../../../api/me'
import { Button, ButtonLink } from '../../../ui/button'
import { TextField } from '../../../ui/field'
import { PageHead } from '../../../ui/page'
import { Refused } from '../../../ui/state'
import { changed } from '../ask'
import { NotAllowed } from '../refused'
import { runsParty } from '../may'
import { OnceLink } from './link'
import { RolesField } from './roles'

/** Invites somebody to one's own party. */
export function Invite({ me }: { me: Me }) {
  const { t } = useTranslation('admin')
  const [email, setEmail] = useState('')
  const [name, setName] = useState('')
  const [roles, setRoles] = useState<Role[]>([])
  const invite = useMutation({
    mutationFn: () => ask(api.POST('/v1/invitations', { params: { header: onceKey() }, body: { email: email.trim(), name: name.trim(), roles } })),
    onSuccess: () => changed('invitations'),
  })
  if (!runsParty(me)) return <NotAllowed title={t('invite.title')} />
  const send = (e: FormEvent) => {
    e.preventDefault()
    invite.mutate()
  }
  const next = () => {
    invite.reset()
    setEmail('')
    setName('')
    setRoles([])
  }
  return (
    <>
      <PageHead title={t('invite.title')} lead={t('invite.lead', { party: me.party })} crumbs={[['/people', t('people.name')]]} />
      {invite.data ? (
        <div className="stack">
          <OnceLink of={invite.data} kind="invited" />
          <div className="row">
            <Button onPress={next}>{t('invite.next')}</Button>
            <ButtonLink to="/people">{t('invite.done')}</ButtonLink>
          </div>
        </div>
      ) : (
        <form className="form" onSubmit={send}>
          <TextField label={t('people.email')} help={t('invite.emailHelp')} type="email" value={email} onChange={setEmail} isRequired autoComplete="off" />
          <TextField label={t('people.personName')} help={t('invite.nameHelp')} value={name} onChange={setName} isRequired maxLength={100} autoComplete="off" />
          <RolesField value={roles} onChange={setRoles} operator={me.operator} />
          <Refused
            error={invite.error}
            as={{
              'E_CONFLICT email': { what: t('refused.hasAccount.what'), mend: t('refused.hasAccount.mend') },
              'E_SPEC email': { what: t('refused.email.what'), mend: t('refused.email.mend') },
            }}
          />
          <div>
            <Button kind="primary" type="submit" isDisabled={invite.isPending || !email.trim() || !name.trim() || roles.length === 0}>
              {t('invite.send')}
            </Button>
          </div>
        </form>
      )}
    </>
  )
}
