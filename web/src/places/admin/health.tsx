import type { ReactNode } from 'react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask, Refusal, type Schemas } from '../../api/client'
import { useRoom } from '../../api/me'
import { Link } from '../../ui/button'
import { number, time } from '../../ui/format'
import { Facts, PageHead } from '../../ui/page'
import { Badge, Banner, Load } from '../../ui/state'
import { Ceremony } from './ceremony'
import { Confinement } from './confinement'
import { JobsUnderWay } from './jobs'

type Room = Schemas['Room']

/** Whether the room answers, whether something stops it, and what it works at. */
export function Health() {
  const { t } = useTranslation('admin')
  const ready = useQuery({ queryKey: ['ready'], queryFn: () => ask(api.GET('/readyz', {})), refetchInterval: 10_000, retry: false })
  const room = useRoom()
  const away = ready.error instanceof Refusal
  return (
    <>
      <PageHead title={t('health.name')} lead={t('health.lead')} />
      {away && (
        <Banner kind="bad" title={t('health.away')} live>
          <p>{t('health.awayText')}</p>
        </Banner>
      )}
      <Load of={room}>
        {(r) => (
          <>
            <Warnings room={r} />
            <div className="panel stack-s">
              {away && <p className="small quiet">{t('health.stale', { at: time(r.now) })}</p>}
              <Facts
                rows={[
                  [t('health.answers'), <Answers ready={ready.data?.ready} away={away} />],
                  [t('health.releases'), <Releases room={r} />],
                  [t('health.clock'), <Clock room={r} />],
                  [t('health.confinement'), <Confinement short={r.confinement} />],
                  [t('health.acts'), t(r.officers ? 'health.actsOfficers' : r.initialised ? 'health.actsDev' : 'health.actsNone')],
                  [t('health.people'), t(r.practice ? 'health.peopleMade' : 'health.peopleReal')],
                  [t('health.log'), r.log_entry < 0 ? t('health.logEmpty') : t('health.logAt', { entry: number(r.log_entry) })],
                  [t('health.version'), r.version === '(devel)' ? t('health.noVersion') : r.version], // what Go calls a build without one
                ]}
              />
            </div>
          </>
        )}
      </Load>
      <JobsUnderWay />
      <p>
        <Link href="/attestation">{t('health.toAttestation')}</Link>
      </p>
    </>
  )
}

function Answers({ ready, away }: { ready: true | undefined; away: boolean }): ReactNode {
  const { t } = useTranslation('admin')
  if (away) return <Badge kind="bad">{t('health.doesNot')}</Badge>
  return ready ? <Badge kind="good">{t('health.does')}</Badge> : t('health.asking')
}

/** Whether reports and deliveries go out. */
export function Releases({ room }: { room: Room }) {
  const { t } = useTranslation('admin')
  if (!room.initialised) return <Badge kind="warn">{t('health.notYet')}</Badge>
  return room.frozen ? <Badge kind="bad">{t('health.frozen')}</Badge> : <Badge kind="good">{t('health.open')}</Badge>
}

function Clock({ room }: { room: Room }) {
  const { t } = useTranslation('admin')
  if (room.clock) return <Badge kind="warn">{t('health.clockJumped')}</Badge>
  return (
    <span className="badges">
      <Badge kind="good">{t('health.clockGood')}</Badge> {time(room.now)}
    </span>
  )
}

/** What stops the room, and how it goes on. */
function Warnings({ room: r }: { room: Room }) {
  const { t } = useTranslation('admin')
  return (
    <>
      {!r.initialised && <Ceremony />}
      {r.frozen && (
        <Banner kind="bad" title={t('health.frozen')}>
          <p>{t('warn.frozenText')}</p>
        </Banner>
      )}
      {r.clock && (
        <Banner kind="warn" title={t('health.clockJumped')}>
          <p>{t('warn.clockText', { from: time(r.clock.from), to: time(r.clock.to) })}</p>
        </Banner>
      )}
    </>
  )
}
