import { useState, type FormEvent } from 'react'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask, onceKey, Refusal } from '../../../api/client'
import { Button, ButtonLink } from '../../../ui/button'
import { TextField } from '../../../ui/field'
import { time } from '../../../ui/format'
import { Banner, Refused } from '../../../ui/state'
import { changed, useInvitations } from '../ask'
import { OnceLink } from '../people/link'

/** Invites the first admin of another party; from there on its people are its own
 * affair. */
export function FirstAdmin({ party }: { party: string }) {
  const { t } = useTranslation('admin')
  const [email, setEmail] = useState('')
  const [name, setName] = useState('')
  const open = useInvitations().data?.filter((v) => v.party === party) ?? []
  const invite = useMutation({
    mutationFn: () => ask(api.POST('/v1/invitations/first-admin', { params: { header: onceKey() }, body: { party, email: email.trim(), name: name.trim() } })),
    onSuccess: () => changed('invitations'),
  })
  const has = invite.error instanceof Refusal && invite.error.code === 'E_CONFLICT' && invite.error.problem.field === 'party'
  const send = (e: FormEvent) => {
    e.preventDefault()
    invite.mutate()
  }
  return (
    <section className="stack-s">
      <h2>{t('first.title')}</h2>
      {invite.data ? (
        <OnceLink of={invite.data} kind="invited" />
      ) : has ? (
        <Banner title={t('first.has')}>
          <p>{t('first.hasText')}</p>
        </Banner>
      ) : (
        <>
          <p>{t('first.text')}</p>
          {open.map((v) => (
            <Banner key={v.id} title={t('first.open', { name: v.name, email: v.email })}>
              <p>{t('first.openText', { ends: time(v.ends) })}</p>
              <div>
                <ButtonLink to="/people">{t('invitations.name')}</ButtonLink>
              </div>
            </Banner>
          ))}
          <form className="form" onSubmit={send}>
            <TextField label={t('people.email')} type="email" value={email} onChange={setEmail} isRequired autoComplete="off" />
            <TextField label={t('people.personName')} value={name} onChange={setName} isRequired maxLength={100} autoComplete="off" />
            <Refused error={invite.error} as={{ 'E_SPEC email': { what: t('refused.email.what'), mend: t('refused.email.mend') } }} />
            <div>
              <Button type="submit" isDisabled={invite.isPending || !email.trim() || !name.trim()}>
                {t('first.send')}
              </Button>
            </div>
          </form>
        </>
      )}
    </section>
  )
}
