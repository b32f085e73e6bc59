import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { Refusal } from '../../api/client'
import { signIn, type Me } from '../../api/me'
import { Button } from '../../ui/button'
import { TextField } from '../../ui/field'
import { Refused } from '../../ui/state'

/** Address and password, and the one-time code once it is asked for. */
export function SignInForm({ email: known, onDone }: { email?: string; onDone: (me: Me) => void }) {
  const { t } = useTranslation('door')
  const [email, setEmail] = useState(known ?? '')
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const [asks, setAsks] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()

  const send = async (e: FormEvent) => {
    e.preventDefault()
    setBusy(true)
    setError(undefined)
    try {
      onDone(await signIn(email.trim(), password, code.trim()))
    } catch (err) {
      if (err instanceof Refusal && err.problem.field === 'totp' && !asks) setAsks(true)
      else setError(err)
    } finally {
      setBusy(false)
    }
  }
  return (
    <form className="form" onSubmit={(e) => void send(e)}>
      <TextField label={t('email')} type="email" autoComplete="username" value={email} onChange={setEmail} isReadOnly={!!known} isRequired autoFocus={!known} />
      <TextField label={t('password')} type="password" autoComplete="current-password" value={password} onChange={setPassword} isRequired autoFocus={!!known} />
      {asks && <TextField label={t('code')} help={t('codeHelp')} autoComplete="one-time-code" value={code} onChange={setCode} isRequired autoFocus />}
      <Refused error={error} />
      <div>
        <Button kind="primary" type="submit" isDisabled={busy || !email || !password || (asks && !code)}>
          {t('signIn')}
        </Button>
      </div>
    </form>
  )
}
