import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { Refusal } from '../../api/client'
import { signIn, type Me } from '../../api/me'
import { Button } from '../../ui/button'
import { TextField } from '../../ui/field'
import { Banner, Refused } from '../../ui/state'
import { useWait, Left } from './wait'

/** Address and password, and the one-time code once it is asked for. After several
 * failures the room has people wait: the form says for how long. */
export function SignInForm({ email: known, onDone }: { email?: string; onDone?: (me: Me) => void }) {
  const { t } = useTranslation('door')
  const [email, setEmail] = useState(known ?? '')
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const [asks, setAsks] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const wait = useWait()

  const send = async (e: FormEvent) => {
    e.preventDefault()
    setBusy(true)
    setError(undefined)
    try {
      const me = await signIn(email.trim(), password, code.replace(/\s/g, ''))
      onDone?.(me)
    } catch (err) {
      if (err instanceof Refusal && err.problem.field === 'totp' && !asks) setAsks(true)
      else if (err instanceof Refusal && err.code === 'E_RATE' && err.retryAfter > 0) wait.begin(err.retryAfter)
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
      <Refused
        error={error}
        as={{
          'E_SIGN_IN body': { what: t('refused.wrong.what'), mend: t('refused.wrong.mend') },
          'E_SIGN_IN totp': { what: t('refused.code.what'), mend: t('refused.code.mend') },
        }}
      />
      {wait.until > 0 && (
        <Banner kind="warn" title={t('wait.title')} live>
          <p>{t('wait.text')}</p>
        </Banner>
      )}
      <div className="row">
        <Button kind="primary" type="submit" isDisabled={busy || wait.until > 0 || !email || !password || (asks && !code)}>
          {t('signIn')}
        </Button>
        {wait.until > 0 && <Left until={wait.until} onOver={wait.over} />}
      </div>
    </form>
  )
}
