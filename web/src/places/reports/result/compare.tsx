import { useQuery } from '@tanstack/react-query'
import { useLocation, useSearch } from 'wouter'
import { api, ask, Refusal, type Schemas } from '../../../api/client'
import { Button, ButtonLink } from '../../../ui/button'
import { Select } from '../../../ui/field'
import { time } from '../../../ui/format'
import { PageHead } from '../../../ui/page'
import { Empty, Load, Skeleton } from '../../../ui/state'
import { dimName, type Words } from '../../../report/names'
import { condition, title, type Condition } from '../../../report/question'
import { dimsOf, plain, type Release } from '../../../report/release'
import { useRelease } from '../../../report/useRelease'
import { useWords } from '../../../report/useWords'
import { Beside } from './beside'
import { Gone } from './gone'
import './result.css'

/** Two reports over the same dimensions, side by side: /reports/compare?a=…&b=… */
export default function Compare() {
  const w = useWords()
  const query = new URLSearchParams(useSearch())
  const [a, b] = [query.get('a') ?? undefined, query.get('b') ?? undefined]
  const [, go] = useLocation()
  const [one, two] = [useRelease(a), useRelease(b)]
  const gone = [one.error, two.error].find((e) => e instanceof Refusal && e.code === 'E_GONE')
  if (gone) return <Gone />
  const swap = a && b && (
    <Button onPress={() => go(`/compare?${new URLSearchParams({ a: b, b: a })}`, { replace: true })}>{w.t('compare.swap')}</Button>
  )
  return (
    <>
      <PageHead title={w.t('compare.title')} crumbs={[['/', w.t('page.reports')]]} action={swap} />
      {!a ? (
        <Empty title={w.t('compare.noneChosen')} action={<ButtonLink to="/">{w.t('gone.list')}</ButtonLink>}>
          <p>{w.t('compare.noneChosenText')}</p>
        </Empty>
      ) : one.isPending ? (
        <Skeleton lines={8} />
      ) : (
        <Load of={one}>
          {(x) => (
            <>
              <Choose words={w} a={a} b={b} release={x.release} />
              {b && (two.isPending ? <Skeleton lines={8} /> : <Load of={two}>{(y) => <Beside words={w} a={{ id: a, release: x.release }} b={{ id: b, release: y.release }} />}</Load>)}
            </>
          )}
        </Load>
      )}
    </>
  )
}

type Row = Schemas['Report']

/** Whether a report may be laid beside a release: of its kind, over its dimensions. */
function fits(row: Row, r: Release): boolean {
  const q = row.question as { dims?: string[] }
  const dims = (ds: string[]) => [...ds].sort().join('\u0000')
  // Some kinds have dimensions that their questions need not name.
  const own = ['lift', 'reach-frequency', 'attribution', 'overlap'].includes(r.report) && !q.dims?.length
  return row.kind === r.report && row.state === 'kept' && (own || dims(q.dims ?? []) === dims(dimsOf(r).map((d) => d.name)))
}

function Choose({ words: w, a, b, release }: { words: Words; a: string; b: string | undefined; release: Release }) {
  const [, go] = useLocation()
  const rows = useQuery({ queryKey: ['reports', 'to-compare', release.report], queryFn: () => ask(api.GET('/v1/reports', { params: { query: { limit: 200, kind: release.report } } })) })
  const dims = dimsOf(release).map((d) => dimName(w, d.name))
  return (
    <section className="stack-s">
      {!b && (
        <p>
          <strong>{w.t('compare.a')}</strong> {title(w, release)} <span className="quiet nowrap">{time(release.released_at)}</span>
        </p>
      )}
      <Load of={rows} lines={1}>
        {(page) => {
          const others = page.items.filter((x) => x.id !== a && fits(x, release))
          if (others.length === 0 && !b)
            return (
              <Empty title={w.t('compare.none')} action={<ButtonLink to="/">{w.t('gone.list')}</ButtonLink>}>
                <p>{w.t('compare.noneText')}</p>
              </Empty>
            )
          return (
            <Select
              label={w.t('compare.choose')}
              help={w.t('compare.pickText', { dims: dims.join(w.t('condition.list')) || w.t('compare.noDims') })}
              choices={others.map((x) => ({ id: x.id, label: nameOf(w, x) }))}
              value={b ?? null}
              onChange={(id) => go(`/compare?${new URLSearchParams({ a, b: id })}`, { replace: true })}
            />
          )
        }}
      </Load>
    </section>
  )
}

function nameOf(w: Words, x: Row): string {
  const q = x.question as { campaign?: string; where?: Condition }
  const of = q.campaign ? plain(q.campaign) : x.list ? w.t('origin.listVersion', { name: plain(x.list), version: x.list_version ?? 1 }) : plain(x.entrustment)
  const more = [...(q.where ? [condition(w, q.where)] : [])]
  return [of, ...more, time(x.released_at)].join(' · ')
}
