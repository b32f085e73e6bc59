import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask, onceKey } from '../../../api/client'
import type { Me } from '../../../api/me'
import { ButtonLink } from '../../../ui/button'
import { PageHead } from '../../../ui/page'
import { changed } from '../ask'
import { NotAllowed } from '../refused'
import { runsParty } from '../may'
import { HookForm, type HookFields } from './form'
import { OnceSecret } from './secret'

export function NewWebhook({ me }: { me: Me }) {
  const { t } = useTranslation('admin')
  const add = useMutation({
    mutationFn: (body: HookFields) => ask(api.POST('/v1/webhooks', { params: { header: onceKey() }, body: { ...body, enabled: true } })),
    onSuccess: () => changed('webhooks'),
  })
  if (!runsParty(me)) return <NotAllowed title={t('webhooks.add')} />
  return (
    <>
      <PageHead title={t('webhooks.add')} lead={t('hook.addLead')} crumbs={[['/webhooks', t('webhooks.name')]]} />
      {add.data?.secret ? (
        <div className="stack">
          <OnceSecret secret={add.data.secret} title={t('hook.added')} />
          <div>
            <ButtonLink to={`/webhooks/${add.data.id}`}>{t('hook.goTest')}</ButtonLink>
          </div>
        </div>
      ) : (
        <HookForm is={{ url: '', description: '', kinds: [] }} button={t('hook.doAdd')} busy={add.isPending} error={add.error} onSend={add.mutate} />
      )}
    </>
  )
}
