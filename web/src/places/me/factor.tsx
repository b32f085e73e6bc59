import { useState, type FormEvent } from 'react'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../../api/client'
import type { Me } from '../../api/me'
import { Button } from '../../ui/button'
import { Copyable } from '../../ui/copy'
import { TextField } from '../../ui/field'
import { Badge, Banner, Refused } from '../../ui/state'
import { changed } from '../admin/ask'
import { QR } from './qr'
import { RecoveryCodes } from './recovery'

/** The second factor: put in force in three steps, and taken away. */
export function Factor({ me }: { me: Me }) {
  const { t } = useTranslation('me')
  const [codes, setCodes] = useState<string[]>()
  return (
    <section className="stack-s">
      <div className="row">
        <h2>{t('factor.title')}</h2>
        {me.totp ? <Badge kind="good">{t('factor.on')}</Badge> : <Badge kind="warn">{t('factor.off')}</Badge>}
      </div>
      {codes ? <RecoveryCodes codes={codes} onKept={() => setCodes(undefined)} /> : me.totp ? <Remove /> : <Begin onDone={setCodes} />}
    </section>
  )
}

function Begin({ onDone }: { onDone: (codes: string[]) => void }) {
  const { t } = useTranslation('me')
  const [password, setPassword] = useState('')
  const begin = useMutation({ mutationFn: () => ask(api.POST('/v1/me/totp', { body: { password } })) })
  const send = (e: FormEvent) => {
    e.preventDefault()
    begin.mutate()
  }
  if (begin.data) return <Confirm secret={begin.data.secret} address={begin.data.address} onDone={onDone} onStop={begin.reset} />
  return (
    <>
      <p>{t('factor.why')}</p>
      <form className="form" onSubmit={send}>
        <TextField label={t('factor.password')} help={t('factor.passwordHelp')} type="password" value={password} onChange={setPassword} isRequired autoComplete="current-password" />
        <Refused error={begin.error} as={{ 'E_FORBIDDEN password': { what: t('refused.password.what'), mend: t('refused.password.mend') } }} />
        <div>
          <Button kind="primary" type="submit" isDisabled={begin.isPending || !password}>
            {t('factor.begin')}
          </Button>
        </div>
      </form>
    </>
  )
}

function Confirm({ secret, address, onDone, onStop }: { secret: string; address: string; onDone: (codes: string[]) => void; onStop: () => void }) {
  const { t } = useTranslation(['me', 'ui'])
  const [code, setCode] = useState('')
  const confirm = useMutation({
    mutationFn: () => ask(api.POST('/v1/me/totp/confirm', { body: { code: code.replace(/\D/g, '') } })),
    onSuccess: async (r) => {
      onDone(r.recovery_codes)
      await changed('me', 'sessions')
    },
  })
  const send = (e: FormEvent) => {
    e.preventDefault()
    confirm.mutate()
  }
  return (
    <div className="stack">
      <div className="stack-s">
        <h3>{t('factor.step1')}</h3>
        <p>{t('factor.step1Text')}</p>
        <QR text={address} label={t('factor.qr')} />
        <details>
          <summary>{t('factor.byHand')}</summary>
          <div className="stack">
            <Copyable label={t('factor.secret')} help={t('factor.secretHelp')} value={secret} />
            <Copyable label={t('factor.address')} value={address} />
          </div>
        </details>
      </div>
      <form className="form" onSubmit={send}>
        <h3>{t('factor.step2')}</h3>
        <TextField label={t('factor.code')} help={t('factor.codeHelp')} value={code} onChange={setCode} isRequired autoComplete="one-time-code" inputMode="numeric" />
        <Refused error={confirm.error} as={{ 'E_FORBIDDEN code': { what: t('refused.code.what'), mend: t('refused.code.mend') } }} />
        <div className="row">
          <Button kind="primary" type="submit" isDisabled={confirm.isPending || code.replace(/\D/g, '').length !== 6}>
            {t('factor.confirm')}
          </Button>
          <Button onPress={onStop}>{t('ui:cancel')}</Button>
        </div>
      </form>
    </div>
  )
}

function Remove() {
  const { t } = useTranslation('me')
  const [password, setPassword] = useState('')
  const remove = useMutation({
    mutationFn: () => ask(api.POST('/v1/me/totp/remove', { body: { password } })),
    onSuccess: () => changed('me', 'sessions'),
  })
  const send = (e: FormEvent) => {
    e.preventDefault()
    remove.mutate()
  }
  return (
    <>
      <p>{t('factor.isOn')}</p>
      <details>
        <summary>{t('factor.toRemove')}</summary>
        <form className="form" onSubmit={send}>
          <Banner kind="warn">
            <p>{t('factor.removeGoes')}</p>
          </Banner>
          <TextField label={t('factor.password')} type="password" value={password} onChange={setPassword} isRequired autoComplete="current-password" />
          <Refused error={remove.error} as={{ 'E_FORBIDDEN password': { what: t('refused.password.what'), mend: t('refused.password.mend') } }} />
          <div>
            <Button kind="danger" type="submit" isDisabled={remove.isPending || !password}>
              {t('factor.remove')}
            </Button>
          </div>
        </form>
      </details>
    </>
  )
}
