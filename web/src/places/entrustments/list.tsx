import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from '../../ui/button'
import { Checkbox } from '../../ui/field'
import { PageHead } from '../../ui/page'
import { Empty, Load } from '../../ui/state'
import { useRoom } from '../../api/me'
import { useEntrustments } from '../reports/data'
import { newest, over, type Info } from './contract'
import { Clock, StateBadge } from './state'
import './entrustments.css'

/** The contracts that the party is in: for what, with whom, until when. */
export default function List() {
  const { t } = useTranslation('entrustments')
  const all = useEntrustments()
  const room = useRoom()
  const [past, showPast] = useState(false)
  const now = room.data ? new Date(room.data.now) : new Date()
  return (
    <>
      <PageHead title={t('title')} lead={t('lead')} />
      <Load of={all} lines={6}>
        {(es) => {
          if (es.length === 0)
            return (
              <Empty title={t('empty.title')}>
                <p>{t('empty.text')}</p>
              </Empty>
            )
          const ended = es.filter(over)
          return (
            <>
              {ended.length > 0 && (
                <Checkbox isSelected={past} onChange={showPast}>
                  {t('past', { n: ended.length })}
                </Checkbox>
              )}
              <div className="grid contracts">
                {es
                  .filter((e) => past || !over(e))
                  .map((e) => (
                    <Card key={e.id} of={e} now={now} />
                  ))}
              </div>
            </>
          )
        }}
      </Load>
    </>
  )
}

function Card({ of: e, now }: { of: Info; now: Date }) {
  const { t } = useTranslation('entrustments')
  const c = newest(e)
  return (
    <article className="panel stack-s">
      <div className="row between">
        <h2>
          <Link href={`/${e.id}`}>{e.id}</Link>
        </h2>
        <StateBadge of={e} />
      </div>
      <p>{t(`flow.${c.flow}`)}</p>
      <p className="small quiet">
        {t('from', { principal: c.principal, trustee: c.trustee })} · {t(`purpose.${c.purpose}`)}
      </p>
      <p className="small">
        <Clock of={e} now={now} />
      </p>
    </article>
  )
}
