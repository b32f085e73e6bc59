import { useState } from 'react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { CheckboxGroup } from 'react-aria-components/CheckboxGroup'
import { Label } from 'react-aria-components/Label'
import { Text } from 'react-aria-components/Text'
import { api, ask, queries, type Schemas } from '../../api/client'
import { Button } from '../../ui/button'
import { Checkbox } from '../../ui/field'
import { PageHead } from '../../ui/page'
import { Banner, Empty, Load, Refused } from '../../ui/state'

type Settings = Schemas['NoticeSettings']
type Kind = Schemas['EventKind']

/** Of what one is told, and what comes by mail, too. */
export function NoticeSettings() {
  const { t } = useTranslation('me')
  const settings = useQuery({ queryKey: ['notice-settings'], queryFn: () => ask(api.GET('/v1/me/notices', {})) })
  return (
    <>
      <PageHead title={t('notices.name')} lead={t('notices.lead')} />
      <Load of={settings}>
        {(s) =>
          s.kinds.length === 0 ? (
            <Empty title={t('notices.empty')}>
              <p>{t('notices.emptyText')}</p>
            </Empty>
          ) : s.can_mail ? (
            <ByMail of={s} />
          ) : (
            <InPage of={s} />
          )
        }
      </Load>
    </>
  )
}

const useTitle = () => {
  const language = useTranslation().i18n.language as 'ja' | 'en'
  return (k: Settings['kinds'][number]) => k.title[language]
}

/** The room has no mail server: there is nothing to choose. */
function InPage({ of: s }: { of: Settings }) {
  const { t } = useTranslation('me')
  const title = useTitle()
  return (
    <>
      <Banner title={t('notices.noMail')}>
        <p>{t('notices.noMailText')}</p>
      </Banner>
      <section>
        <h2>{t('notices.kinds')}</h2>
        <ul>
          {s.kinds.map((k) => (
            <li key={k.kind}>{title(k)}</li>
          ))}
        </ul>
      </section>
    </>
  )
}

function ByMail({ of: s }: { of: Settings }) {
  const { t } = useTranslation(['me', 'ui'])
  const title = useTitle()
  const [mail, setMail] = useState<Kind[]>(s.mail)
  const change = useMutation({
    mutationFn: () => ask(api.PATCH('/v1/me/notices', { body: { mail } })),
    onSuccess: (now) => queries.setQueryData(['notice-settings'], now),
  })
  const same = mail.length === s.mail.length && mail.every((k) => s.mail.includes(k))
  return (
    <div className="form">
      <CheckboxGroup className="field" value={mail} onChange={(v) => setMail(v as Kind[])}>
        <Label>{t('notices.byMail')}</Label>
        <Text slot="description" className="help">
          {t('notices.byMailHelp')}
        </Text>
        <div>
          {s.kinds.map((k) => (
            <Checkbox key={k.kind} value={k.kind}>
              {title(k)}
            </Checkbox>
          ))}
        </div>
      </CheckboxGroup>
      <Refused error={change.error} />
      {change.isSuccess && same && <Banner kind="good" title={t('ui:saved')} live />}
      <div>
        <Button kind="primary" isDisabled={same || change.isPending} onPress={() => change.mutate()}>
          {t('notices.save')}
        </Button>
      </div>
    </div>
  )
}
