import { useEffect, useState, type FormEvent } from 'react'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useLocation } from 'wouter'
import { api, ask } from '../../api/client'
import { signIn, useWays } from '../../api/me'
import { Button } from '../../ui/button'
import { TextField } from '../../ui/field'
import { Refused } from '../../ui/state'
import { spoken } from '../../words'
import { tokenOf } from './token'

/** The token of an invitation stands behind the # of its link, which is never sent to
 * a server; once read it is taken out of the address. */
export default function Invitation() {
  const { t } = useTranslation('door')
  const [, go] = useLocation()
  const [token, setToken] = useState(() => tokenOf(location.hash))
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [again, setAgain] = useState('')
  useEffect(() => {
    document.title = `${t('invitation.title')} · Awase`
    history.replaceState(null, '', '/invitation')
  }, [t])
  const accept = useMutation({
    mutationFn: async () => {
      const who = await ask(api.POST('/v1/invitations/accept', { body: { token: token.trim(), password, language: spoken(), ...(name.trim() ? { name: name.trim() } : {}) } }))
      await signIn(who.email, password, '')
    },
    onSuccess: () => go('/', { replace: true }),
  })
  const ways = useWays().data
  const differs = again !== '' && again !== password
  const send = (e: FormEvent) => {
    e.preventDefault()
    accept.mutate()
  }
  return (
    <div className="panel">
      <h1>{t('invitation.title')}</h1>
      <p>{t('invitation.text')}</p>
      <form className="form" onSubmit={send}>
        <TextField label={t('invitation.token')} value={token} onChange={setToken} isRequired autoComplete="off" />
        <TextField label={t('invitation.name')} help={t('invitation.nameHelp')} value={name} onChange={setName} autoComplete="name" maxLength={100} />
        <TextField label={t('password')} help={t('passwordHelp')} type="password" value={password} onChange={setPassword} isRequired autoComplete="new-password" />
        <TextField label={t('passwordAgain')} type="password" value={again} onChange={setAgain} isRequired autoComplete="new-password" error={differs ? t('passwordsDiffer') : undefined} />
        <Refused
          error={accept.error}
          as={{
            'E_NOT_FOUND token': { what: t('refused.link.what'), mend: t('refused.link.mend') },
            'E_SPEC password': { what: t('refused.weak.what'), mend: t('refused.weak.mend') },
            'E_CONFLICT email': { what: t('refused.hasAccount.what'), mend: t('refused.hasAccount.mend') },
          }}
        />
        <div>
          <Button kind="primary" type="submit" isDisabled={accept.isPending || !token || password.length < 12 || password !== again}>
            {t('invitation.accept')}
          </Button>
        </div>
      </form>
      {ways?.oidc && (
        <p className="stack-s">
          <span>{t('invitation.byOidc')}</span>
          <a className="button" href="/v1/oidc/start">
            {t('oidc')}
          </a>
        </p>
      )}
    </div>
  )
}
