import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../../api/client'
import { has, useMe, useRoom } from '../../api/me'
import { ButtonLink } from '../../ui/button'
import { day, time } from '../../ui/format'
import { PageHead } from '../../ui/page'
import { Banner, Load } from '../../ui/state'
import { mayAsk, newest, over, type Info } from './contract'
import { Data } from './data'
import { Certificate } from './certificate'
import { Clock, StateBadge } from './state'
import { Terms } from './terms'
import { Versions } from './versions'
import './entrustments.css'

/** One contract: its terms in words, who is in it, what is under it, its versions. */
export default function One({ id }: { id: string }) {
  const one = useQuery({ queryKey: ['entrustment', id], queryFn: () => ask(api.GET('/v1/entrustments/{entrustment}', { params: { path: { entrustment: id } } })) })
  return <Load of={one} lines={10}>{(e) => <Shown of={e} key={e.id} />}</Load>
}

function Shown({ of: e }: { of: Info }) {
  const { t } = useTranslation('entrustments')
  const me = useMe().data
  const room = useRoom()
  const now = room.data ? new Date(room.data.now) : new Date()
  const c = newest(e)
  const asks = me && has(me, 'marketing') && mayAsk(c, me.party) && e.state === 'active'
  const version = e.versions[0]!
  return (
    <>
      <PageHead
        title={e.id}
        lead={t(`flow.${c.flow}`)}
        crumbs={[['/', t('title')]]}
        action={
          <>
            {has(me, 'privacy', 'auditor') && (
              <a className="button" href={`/v1/entrustments/${e.id}/evidence`} download>
                {t('evidence')}
              </a>
            )}
            {asks && (
              <ButtonLink kind="primary" to="~/reports/ask">
                {t('ask')}
              </ButtonLink>
            )}
          </>
        }
      />
      <div className="row">
        <StateBadge of={e} />
        <span>
          <Clock of={e} now={now} />
        </span>
        <span className="small quiet">{t('versionAt', { n: e.version, at: time(version.at) })}</span>
      </div>
      {e.state === 'expired' && <Banner kind="warn" title={t('expired.title')}>{e.ends_at && <p>{t('expired.text', { day: day(e.ends_at) })}</p>}</Banner>}
      {over(e) && <Certificate id={e.id} state={e.state} />}
      <Terms of={c} me={me?.party ?? ''} />
      {me && !over(e) && <Data of={e} me={me} />}
      <Versions of={e} />
    </>
  )
}
