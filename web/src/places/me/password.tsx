import { useState, type FormEvent } from 'react'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../../api/client'
import type { Me } from '../../api/me'
import { Button } from '../../ui/button'
import { TextField } from '../../ui/field'
import { Banner, Refused } from '../../ui/state'
import { changed } from '../admin/ask'

/** Changes one's own password; other sessions end. */
export function Password({ me }: { me: Me }) {
  const { t } = useTranslation('me')
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const [again, setAgain] = useState('')
  const change = useMutation({
    mutationFn: () => ask(api.POST('/v1/me/password', { body: { current, password: next } })),
    onSuccess: async () => {
      setCurrent('')
      setNext('')
      setAgain('')
      await changed('sessions')
    },
  })
  const send = (e: FormEvent) => {
    e.preventDefault()
    change.mutate()
  }
  return (
    <section>
      <h2>{t('password.title')}</h2>
      <form className="form" onSubmit={send}>
        {/* For password managers, which ask whose it is. */}
        <input type="text" name="username" autoComplete="username" value={me.email} readOnly hidden />
        <TextField label={t('password.current')} type="password" value={current} onChange={setCurrent} isRequired autoComplete="current-password" />
        <TextField label={t('password.next')} help={t('password.help')} type="password" value={next} onChange={setNext} isRequired autoComplete="new-password" />
        <TextField label={t('password.again')} type="password" value={again} onChange={setAgain} isRequired autoComplete="new-password" error={again && again !== next ? t('password.differ') : undefined} />
        <p className="small quiet">{t('password.ends')}</p>
        <Refused
          error={change.error}
          as={{
            'E_FORBIDDEN password': { what: t('refused.password.what'), mend: t('refused.password.mend') },
            'E_SPEC password': { what: t('refused.weak.what'), mend: t('refused.weak.mend') },
          }}
        />
        {change.isSuccess && !current && <Banner kind="good" title={t('password.done')} live />}
        <div>
          <Button type="submit" isDisabled={change.isPending || !current || next.length < 12 || next !== again}>
            {t('password.do')}
          </Button>
        </div>
      </form>
    </section>
  )
}
