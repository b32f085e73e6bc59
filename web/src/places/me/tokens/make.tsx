import { useState, type FormEvent } from 'react'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { CheckboxGroup } from 'react-aria-components/CheckboxGroup'
import { Label } from 'react-aria-components/Label'
import { api, ask, onceKey } from '../../../api/client'
import type { Me } from '../../../api/me'
import { Button, ButtonLink } from '../../../ui/button'
import { Copyable } from '../../../ui/copy'
import { Checkbox, Radios, Select, TextField } from '../../../ui/field'
import { time } from '../../../ui/format'
import { Banner, Refused } from '../../../ui/state'
import { changed } from '../../admin/ask'
import { scopesOf, uses, usesOf, type Scope, type Use } from './scopes'

const spans = ['30', '90', '180', '365'] as const
type Span = (typeof spans)[number]

/** Makes an API token of oneself; back is where its list stands. */
export function MakeToken({ me, back }: { me: Me; back: string }) {
  const { t } = useTranslation('me')
  const [name, setName] = useState('')
  const [use, setUse] = useState<Use | 'own' | null>(null)
  const [own, setOwn] = useState<Scope[]>([])
  const [days, setDays] = useState<Span>('90')
  const chosen: readonly Scope[] = use === 'own' ? own : use ? uses[use] : []
  const make = useMutation({
    mutationFn: () => {
      // A minute less than a year: the room refuses what passes it by a blink.
      const ends = new Date(Date.now() + Number(days) * 86_400_000 - 60_000).toISOString()
      return ask(api.POST('/v1/tokens', { params: { header: onceKey() }, body: { name: name.trim(), scopes: [...chosen], ends } }))
    },
    onSuccess: () => changed('tokens'),
  })
  const send = (e: FormEvent) => {
    e.preventDefault()
    make.mutate()
  }
  if (make.data)
    return (
      <div className="stack">
        <Banner kind="good" title={t('make.done', { name: make.data.name })} live>
          <p>{t('make.once')}</p>
          <Copyable label={t('make.token')} value={make.data.token} />
          <p className="small">{t('make.ends', { ends: time(make.data.ends) })}</p>
        </Banner>
        <div>
          <ButtonLink to={back}>{t('make.back')}</ButtonLink>
        </div>
      </div>
    )
  return (
    <form className="form" onSubmit={send}>
      <TextField label={t('make.name')} help={t('make.nameHelp')} value={name} onChange={setName} isRequired maxLength={100} autoComplete="off" />
      <Radios<Use | 'own'> label={t('make.use')} value={use} onChange={setUse} choices={[...usesOf(me), 'own' as const].map((u) => ({ id: u, label: t(`use.${u}`) }))} />
      {use && use !== 'own' && <p className="small quiet">{t('make.takes', { scopes: uses[use].map((s) => t(`scope.${words(s)}`)).join(t('make.comma')) })}</p>}
      {use === 'own' && (
        <CheckboxGroup className="field" value={own} onChange={(v) => setOwn(v as Scope[])}>
          <Label>{t('make.scopes')}</Label>
          <div>
            {scopesOf(me).map((s) => (
              <Checkbox key={s} value={s}>
                {t(`scope.${words(s)}`)} <span className="small quiet mono">{s}</span>
              </Checkbox>
            ))}
          </div>
        </CheckboxGroup>
      )}
      <Select<Span> label={t('make.days')} help={t('make.daysHelp')} value={days} onChange={setDays} choices={spans.map((d) => ({ id: d, label: t('make.forDays', { days: d }) }))} />
      <Refused error={make.error} />
      <div>
        <Button kind="primary" type="submit" isDisabled={make.isPending || !name.trim() || chosen.length === 0}>
          {t('make.do')}
        </Button>
      </div>
    </form>
  )
}

/** A scope as a key of the words: a colon there leads to another file. */
function words<S extends Scope>(s: S) {
  return s.replace(':', '_') as S extends `${infer A}:${infer B}` ? `${A}_${B}` : never
}
