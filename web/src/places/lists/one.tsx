import { useTranslation } from 'react-i18next'
import { has, useMe } from '../../api/me'
import { useUploads } from '../../desk/uploads'
import { ButtonLink, Link } from '../../ui/button'
import { day, number, time } from '../../ui/format'
import { Facts, PageHead } from '../../ui/page'
import { Badge, Load } from '../../ui/state'
import { Table } from '../../ui/table'
import { useAttributeName } from './attributes'
import { newest, useFloor, useList, useLoads, useTakers, type List, type Taker, type Version } from './data'
import { signed } from './diff'
import { StateOf } from './lists'
import { Upload } from './sending'
import { termsOf } from './new/where'

/** One list: its versions, what was found in them, under what it is used. */
export function OneList({ entrustment, list }: { entrustment: string; list: string }) {
  const { t } = useTranslation('lists')
  const me = useMe().data
  const of = useList(entrustment, list)
  const takers = useTakers()
  const attribute = useAttributeName()
  const taker = takers.data?.find((e) => e.id === entrustment)
  const refresh = has(me, 'adops') && taker?.state === 'active' && (
    <ButtonLink kind="primary" to={`/new?entrustment=${entrustment}&list=${list}`}>
      {t('one.refresh')}
    </ButtonLink>
  )
  return (
    <>
      <PageHead title={list} lead={taker && termsOf(taker.contract, t, attribute)} crumbs={[['/', t('title')]]} action={refresh} />
      <Load of={of}>
        {(l) => (
          <>
            {taker && <About list={l} taker={taker} />}
            <Here entrustment={entrustment} list={list} />
            <Versions entrustment={entrustment} list={l} />
          </>
        )}
      </Load>
    </>
  )
}

function About({ list, taker }: { list: List; taker: Taker }) {
  const { t } = useTranslation('lists')
  const floor = useFloor()
  const attribute = useAttributeName()
  const last = newest(list)
  return (
    <Facts
      rows={[
        [t('column.state'), <StateOf row={{ taker, list }} floor={floor} />],
        [t('column.rows'), number(last?.rows ?? 0)],
        [t('one.identifiers'), number(last?.tokens ?? 0)],
        [t('one.columns'), last?.columns?.length ? last.columns.map((c) => attribute(c.name)).join(t('comma')) : t('ui:none')],
        [t('column.expires'), t('one.expires', { day: day(list.expires_at), days: String(taker.contract.retention.lists ?? '').replace(/d$/, '') })],
        [
          t('one.usedBy'),
          <Link href={`~/entrustments/${taker.id}`}>
            {taker.id}（{t(`purpose.${taker.contract.purpose}`)}）
          </Link>,
        ],
      ]}
    />
  )
}

/** Uploads of the list from this browser, with what was found in them. */
function Here({ entrustment, list }: { entrustment: string; list: string }) {
  const { t } = useTranslation('lists')
  const mine = useUploads().filter((s) => s.meta.entrustment === entrustment && s.meta.list === list)
  if (mine.length === 0) return null
  return (
    <section className="stack-s" aria-labelledby="here">
      <h2 id="here">{t('one.here')}</h2>
      <p className="small quiet">{t('one.hereText')}</p>
      {mine.map((s) => (
        <article key={s.meta.id} className="panel">
          <Upload of={s} named />
        </article>
      ))}
    </section>
  )
}

function Versions({ entrustment, list }: { entrustment: string; list: List }) {
  const { t } = useTranslation('lists')
  const me = useMe().data
  const loads = useLoads(entrustment, list.name)
  const who = (v: Version) => {
    const j = loads.data?.find((l) => l.state === 'done' && (l.result as { version?: number } | null | undefined)?.version === v.version)
    if (!j?.asked_by) return '—'
    return j.asked_by === me?.id ? me.name : t('one.colleague')
  }
  const refused = (loads.data ?? []).filter((j) => j.state === 'failed')
  const versions = [...list.versions].sort((a, b) => b.version - a.version)
  return (
    <section className="stack-s" aria-labelledby="versions">
      <h2 id="versions">{t('one.versions')}</h2>
      <Table
        label={t('one.versions')}
        rows={versions}
        id={(v) => String(v.version)}
        columns={[
          { id: 'version', head: t('column.version'), header: true, cell: (v) => t('one.version', { n: v.version }) },
          { id: 'change', head: t('column.change'), cell: (v) => t(v.version === 1 ? 'where.first' : `where.${v.change ?? 'replace'}`) },
          { id: 'rows', head: t('column.rows'), num: true, cell: (v) => number(v.rows) },
          { id: 'added', head: t('column.added'), num: true, cell: (v) => signed(v.added, '+') },
          { id: 'removed', head: t('column.removed'), num: true, cell: (v) => signed(v.removed, '−') },
          { id: 'at', head: t('column.at'), cell: (v) => <span className="nowrap">{time(v.at)}</span> },
          { id: 'who', head: t('column.who'), cell: who },
        ]}
      />
      {refused.length > 0 && (
        <details>
          <summary>{t('one.refused', { n: refused.length })}</summary>
          <ul>
            {refused.map((j) => (
              <li key={j.id}>
                {time(j.created)} <Badge kind="bad">{j.reason?.code}</Badge> <span lang="en">{j.reason?.detail}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  )
}
