import { useState, type FormEvent } from 'react'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask, queries } from '../../api/client'
import type { Me } from '../../api/me'
import { ThemeSelect } from '../../shell/settings'
import { Button } from '../../ui/button'
import { Select, TextField } from '../../ui/field'
import { time } from '../../ui/format'
import { Facts, PageHead } from '../../ui/page'
import { Banner, Refused } from '../../ui/state'
import { speak, type Language } from '../../words'

/** Name, language, and how bright the page is. */
export function Profile({ me }: { me: Me }) {
  const { t, i18n } = useTranslation(['me', 'shell', 'ui'])
  const [name, setName] = useState(me.name)
  const language = i18n.language as Language
  const change = useMutation({
    mutationFn: (body: { name?: string; language?: Language }) => ask(api.PATCH('/v1/me', { body })),
    onSuccess: (who) => {
      queries.setQueryData(['me'], who)
      void queries.invalidateQueries({ queryKey: ['people'] })
    },
  })
  const send = (e: FormEvent) => {
    e.preventDefault()
    change.mutate({ name: name.trim() })
  }
  const talk = async (l: Language) => {
    await speak(l, true)
    change.mutate({ language: l })
  }
  return (
    <>
      <PageHead title={t('title')} lead={t('profile.lead')} />
      <div className="panel stack-s">
        <Facts
          rows={[
            [t('email'), me.email],
            [t('party'), me.party],
            [t('roles'), me.roles.map((r) => t(`shell:role.${r}`)).join(t('make.comma'))],
            [t('since'), time(me.created)],
          ]}
        />
        <p className="small quiet">{t('profile.help')}</p>
      </div>
      <form className="form" onSubmit={send}>
        <TextField label={t('profile.personName')} value={name} onChange={setName} isRequired maxLength={100} autoComplete="name" />
        <Refused error={change.error} />
        {change.isSuccess && name.trim() === me.name && <Banner kind="good" title={t('ui:saved')} live />}
        <div>
          <Button kind="primary" type="submit" isDisabled={change.isPending || !name.trim() || name.trim() === me.name}>
            {t('profile.save')}
          </Button>
        </div>
      </form>
      <section className="form">
        <h2>{t('profile.view')}</h2>
        <Select<Language>
          label={t('profile.language')}
          help={t('profile.languageHelp')}
          value={language}
          onChange={(l) => void talk(l)}
          choices={[
            { id: 'ja', label: '日本語' },
            { id: 'en', label: 'English' },
          ]}
        />
        <ThemeSelect />
      </section>
    </>
  )
}
