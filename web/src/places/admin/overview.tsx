import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useRoom, type Me } from '../../api/me'
import { Link } from '../../ui/button'
import { PageHead } from '../../ui/page'
import { Badge } from '../../ui/state'
import { Releases } from './health'
import { useDrafts, useInvitations, useParties, usePeople, useTokens, useWebhooks } from './ask'
import { runsRoom, sectionsOf, seesDrafts, type Section } from './may'
import { ofParty } from './parties/waits'

/** What there is to administer, and how each stands. */
export function Overview({ me }: { me: Me }) {
  const { t } = useTranslation('admin')
  const stand: Record<Section, () => ReactNode> = {
    parties: () => <PartiesStand me={me} />,
    people: () => <PeopleStand />,
    tokens: () => <TokensStand />,
    webhooks: () => <WebhooksStand />,
    health: () => <HealthStand />,
    attestation: () => null,
  }
  return (
    <>
      <PageHead title={t('title')} lead={t(me.operator ? 'overview.leadOperator' : 'overview.lead', { party: me.party })} />
      <div className="grid">
        {sectionsOf(me).map((s) => (
          <section key={s} className="panel">
            <h2>
              <Link href={`/${s}`}>{t(`${s}.name`)}</Link>
            </h2>
            <p>{t(`${s}.what`)}</p>
            <div className="row">{stand[s]()}</div>
          </section>
        ))}
      </div>
    </>
  )
}

function PartiesStand({ me }: { me: Me }) {
  const { t } = useTranslation('admin')
  const parties = useParties().data
  const waiting = useDrafts(seesDrafts(me)).data?.filter(ofParty).length ?? 0
  return (
    <>
      {parties && <Badge>{t('overview.parties', { count: parties.length })}</Badge>}
      {runsRoom(me) && waiting > 0 && <Badge kind="warn">{t('overview.waiting', { count: waiting })}</Badge>}
    </>
  )
}

function PeopleStand() {
  const { t } = useTranslation('admin')
  const people = usePeople().data
  const invited = useInvitations().data?.length ?? 0
  return (
    <>
      {people && <Badge>{t('overview.people', { count: people.filter((p) => !p.disabled).length })}</Badge>}
      {invited > 0 && <Badge kind="info">{t('overview.invited', { count: invited })}</Badge>}
    </>
  )
}

function TokensStand() {
  const { t } = useTranslation('admin')
  const tokens = useTokens().data
  if (!tokens) return null
  const now = Date.now()
  return <Badge>{t('overview.tokens', { count: tokens.filter((k) => !k.revoked && Date.parse(k.ends) > now).length })}</Badge>
}

function WebhooksStand() {
  const { t } = useTranslation('admin')
  const hooks = useWebhooks().data
  if (!hooks) return null
  const failing = hooks.filter((h) => h.failing_since || h.disabled_by === 'failing' || h.disabled_by === 'gone').length
  return (
    <>
      <Badge>{t('overview.webhooks', { count: hooks.length })}</Badge>
      {failing > 0 && <Badge kind="bad">{t('overview.failing', { count: failing })}</Badge>}
    </>
  )
}

function HealthStand() {
  const { t } = useTranslation('admin')
  const room = useRoom()
  if (room.error) return <Badge kind="bad">{t('health.away')}</Badge>
  if (!room.data) return null
  return (
    <>
      <Releases room={room.data} />
      {room.data.clock && <Badge kind="warn">{t('health.clockJumped')}</Badge>}
    </>
  )
}
