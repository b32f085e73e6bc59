import { useQueries } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../../api/client'
import type { Me } from '../../api/me'
import { Link } from '../../ui/button'
import { day, number } from '../../ui/format'
import { Badge, Load } from '../../ui/state'
import { daysLeft, newest, over, uploader } from '../entrustments/contract'
import { useEntrustments } from '../reports/data'

/** The party's lists: how fresh each is, and for how long it stays, the next to go first. */
export function Lists({ me, now }: { me: Me; now: number }) {
  const { t } = useTranslation('home')
  const contracts = useEntrustments()
  const own = (contracts.data ?? []).filter((e) => !over(e) && uploader(newest(e)) === me.party)
  const lists = useQueries({ queries: own.map((e) => ({ queryKey: ['lists', e.id], queryFn: () => ask(api.GET('/v1/entrustments/{entrustment}/lists', { params: { path: { entrustment: e.id } } })) })) })
  const rows = own.flatMap((e, i) => (lists[i]?.data?.items ?? []).map((list) => ({ under: e.id, list }))).sort((a, b) => a.list.expires_at.localeCompare(b.list.expires_at))
  const pending = contracts.isPending || lists.some((l) => l.isPending)
  const error = contracts.error ?? lists.find((l) => l.error)?.error
  return (
    <section className="panel stack-s" aria-labelledby="fresh">
      <h2 id="fresh">{t('lists.title')}</h2>
      <Load of={{ data: pending || error ? undefined : rows, error, isPending: pending, refetch: () => void lists.map((l) => l.refetch()) }} lines={3}>
        {(all) =>
          all.length === 0 ? (
            <p className="quiet">{t('lists.none')}</p>
          ) : (
            <ul className="plainlist">
              {all.map(({ under, list }) => {
                const v = list.versions[0]
                const left = daysLeft(list.expires_at, new Date(now))
                return (
                  <li key={`${under}/${list.name}`}>
                    <Link href={`/lists/${under}/${list.name}`}>{list.name}</Link> <span className="small quiet">{under}</span> {left <= 14 && <Badge kind="warn">{t('lists.soon')}</Badge>}
                    <div className="small quiet">{v && t('lists.of', { version: v.version, rows: number(v.rows), at: day(v.at), until: day(list.expires_at), n: number(left) })}</div>
                  </li>
                )
              })}
            </ul>
          )
        }
      </Load>
    </section>
  )
}
