import { useMutation, useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useLocation } from 'wouter'
import { api, ask, onceKey, queries, type Schemas } from '../../../api/client'
import type { Me } from '../../../api/me'
import { Button } from '../../../ui/button'
import { time } from '../../../ui/format'
import { Facts, PageHead } from '../../../ui/page'
import { Banner, Load, Refused } from '../../../ui/state'
import { TypedButton } from '../../../ui/typed'
import { changed, type Webhook as Hook } from '../ask'
import { runsParty } from '../may'
import { Deliveries } from './deliveries'
import { HookForm } from './form'
import { HookState } from '.'
import { OnceSecret } from './secret'
import { word } from './kinds'

/** One webhook: how it stands, what it was sent, and what an admin may do with it. */
export function Webhook({ me, id }: { me: Me; id: string }) {
  const { t } = useTranslation('admin')
  const path = { webhook: id }
  const hook = useQuery({ queryKey: ['webhooks', id], queryFn: () => ask(api.GET('/v1/webhooks/{webhook}', { params: { path } })), refetchInterval: 5_000 })
  const change = useMutation({
    mutationFn: (body: Schemas['WebhookChange']) => ask(api.PATCH('/v1/webhooks/{webhook}', { params: { path }, body })),
    onSuccess: async (h) => {
      queries.setQueryData(['webhooks', id], h)
      await changed('webhooks', 'deliveries')
    },
  })
  return (
    <Load of={hook}>
      {(h) => (
        <>
          <PageHead title={host(h.url)} lead={h.description || undefined} crumbs={[['/webhooks', t('webhooks.name')]]} action={runsParty(me) && <Test hook={h} />} />
          <Standing hook={h} me={me} busy={change.isPending} onEnabled={(enabled) => change.mutate({ enabled })} />
          <div className="panel">
            <Facts
              rows={[
                [t('hook.to'), h.url],
                [t('people.state'), <HookState hook={h} />],
                [t('hook.kinds'), h.kinds.length === 0 ? t('hook.all') : h.kinds.map((k) => t(`event.${word(k)}`)).join(t('people.comma'))],
                [t('hook.changed'), time(h.changed)],
                ...(h.old_secret_until ? [[t('hook.oldSecret'), t('hook.until', { until: time(h.old_secret_until) })] as [string, string]] : []),
              ]}
            />
          </div>
          <Deliveries webhook={id} mayResend={runsParty(me) && h.enabled} />
          {runsParty(me) && (
            <>
              <section>
                <h2>{t('hook.change')}</h2>
                <HookForm key={h.changed} is={h} button={t('hook.doChange')} busy={change.isPending} error={change.error} onSend={change.mutate} secondary />
              </section>
              <Secret hook={h} />
              <Gone hook={h} />
            </>
          )}
        </>
      )}
    </Load>
  )
}

const host = (url: string) => (URL.canParse(url) ? new URL(url).host : url)

/** Whether it works; why it does not, and how to mend it. */
function Standing({ hook: h, me, busy, onEnabled }: { hook: Hook; me: Me; busy: boolean; onEnabled: (on: boolean) => void }) {
  const { t } = useTranslation('admin')
  const button = (on: boolean, text: string) =>
    runsParty(me) && (
      <div>
        <Button isDisabled={busy} onPress={() => onEnabled(on)}>
          {text}
        </Button>
      </div>
    )
  if (!h.enabled) {
    const why = h.disabled_by === 'gone' || h.disabled_by === 'failing' ? h.disabled_by : 'person'
    return (
      <Banner kind={why === 'person' ? 'info' : 'bad'} title={t(`off.${why}`)} live>
        <p>{t(`off.${why}Mend`)}</p>
        {button(true, t(why === 'person' ? 'hook.resume' : 'hook.enable'))}
      </Banner>
    )
  }
  if (h.failing_since)
    return (
      <Banner kind="warn" title={t('hook.failingSince', { since: time(h.failing_since) })} live>
        <p>{t('hook.failingMend')}</p>
        {button(false, t('hook.pause'))}
      </Banner>
    )
  return (
    <div className="row">
      {button(false, t('hook.pause'))}
      <span className="small quiet">{runsParty(me) && t('hook.pauseHelp')}</span>
    </div>
  )
}

function Test({ hook }: { hook: Hook }) {
  const { t } = useTranslation('admin')
  const test = useMutation({
    mutationFn: () => ask(api.POST('/v1/webhooks/{webhook}/test', { params: { path: { webhook: hook.id }, header: onceKey() } })),
    onSuccess: () => changed('deliveries'),
  })
  return (
    <div className="stack-s end">
      <Button kind="primary" isDisabled={test.isPending || !hook.enabled} onPress={() => test.mutate()}>
        {t('hook.test')}
      </Button>
      <span role="status" className="small quiet">
        {test.isSuccess && t('hook.tested')}
      </span>
      <Refused error={test.error} />
    </div>
  )
}

function Secret({ hook }: { hook: Hook }) {
  const { t } = useTranslation('admin')
  const rotate = useMutation({
    mutationFn: () => ask(api.POST('/v1/webhooks/{webhook}/secret', { params: { path: { webhook: hook.id }, header: onceKey() } })),
    onSuccess: () => changed('webhooks'),
  })
  return (
    <section className="stack-s">
      <h2>{t('hook.secret')}</h2>
      <p>{t('hook.rotateText')}</p>
      <Refused error={rotate.error} />
      {rotate.data?.secret ? (
        <OnceSecret secret={rotate.data.secret} title={t('hook.rotated')} />
      ) : (
        <div>
          {hook.old_secret_until && Date.parse(hook.old_secret_until) > Date.now() ? (
            <TypedButton title={t('hook.rotateSure')} name={host(hook.url)} button={t('hook.rotate')} act={{ ...rotate, mutate: () => rotate.mutate() }}>
              <p>{t('hook.rotateGoes')}</p>
            </TypedButton>
          ) : (
            <Button isDisabled={rotate.isPending} onPress={() => rotate.mutate()}>
              {t('hook.rotate')}
            </Button>
          )}
        </div>
      )}
    </section>
  )
}

function Gone({ hook }: { hook: Hook }) {
  const { t } = useTranslation('admin')
  const [, go] = useLocation()
  const drop = useMutation({
    mutationFn: () => ask(api.DELETE('/v1/webhooks/{webhook}', { params: { path: { webhook: hook.id } } })),
    onSuccess: async () => {
      go('/webhooks')
      queries.removeQueries({ queryKey: ['webhooks', hook.id] })
      await changed('webhooks')
    },
  })
  return (
    <section className="stack-s">
      <h2>{t('hook.drop')}</h2>
      <p>{t('hook.dropText')}</p>
      <div>
        <TypedButton title={t('hook.dropSure', { host: host(hook.url) })} name={host(hook.url)} button={t('hook.drop')} act={{ ...drop, mutate: () => drop.mutate() }}>
          <p>{t('hook.dropGoes')}</p>
        </TypedButton>
      </div>
    </section>
  )
}
