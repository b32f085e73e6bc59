import { useTranslation } from 'react-i18next'
import type { Me } from '../../../api/me'
import { ButtonLink, Link } from '../../../ui/button'
import { time } from '../../../ui/format'
import { PageHead } from '../../../ui/page'
import { Badge, Empty, Load } from '../../../ui/state'
import { Table } from '../../../ui/table'
import { useWebhooks, type Webhook } from '../ask'
import { runsParty } from '../may'
import { word } from './kinds'

/** The party's webhooks. */
export function Webhooks({ me }: { me: Me }) {
  const { t } = useTranslation('admin')
  const hooks = useWebhooks()
  const add = runsParty(me) && (
    <ButtonLink kind="primary" to="/webhooks/new">
      {t('webhooks.add')}
    </ButtonLink>
  )
  return (
    <>
      <PageHead title={t('webhooks.name')} lead={t('webhooks.lead')} action={hooks.data && hooks.data.length > 0 && add} />
      <Load of={hooks}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title={t('webhooks.empty')} action={add}>
              <p>{t('webhooks.emptyText')}</p>
            </Empty>
          ) : (
            <Table
              label={t('webhooks.name')}
              rows={rows}
              id={(h) => h.id}
              columns={[
                {
                  id: 'to',
                  head: t('hook.to'),
                  header: true,
                  cell: (h) => (
                    <>
                      <Link href={`/webhooks/${h.id}`}>{h.url}</Link>
                      {h.description && <div className="small quiet">{h.description}</div>}
                    </>
                  ),
                },
                { id: 'kinds', head: t('hook.kinds'), cell: (h) => (h.kinds.length === 0 ? t('hook.all') : h.kinds.map((k) => t(`event.${word(k)}`)).join(t('people.comma'))) },
                { id: 'state', head: t('people.state'), cell: (h) => <HookState hook={h} /> },
                { id: 'at', head: t('hook.changed'), cell: (h) => time(h.changed) },
              ]}
            />
          )
        }
      </Load>
    </>
  )
}

export function HookState({ hook: h }: { hook: Webhook }) {
  const { t } = useTranslation('admin')
  if (!h.enabled) return h.disabled_by === 'person' || !h.disabled_by ? <Badge>{t('hook.paused')}</Badge> : <Badge kind="bad">{t('hook.disabled')}</Badge>
  if (h.failing_since) return <Badge kind="warn">{t('hook.failing')}</Badge>
  return <Badge kind="good">{t('hook.on')}</Badge>
}
