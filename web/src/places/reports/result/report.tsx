import { useMemo } from 'react'
import { ButtonLink, Button } from '../../../ui/button'
import { time } from '../../../ui/format'
import { PageHead } from '../../../ui/page'
import { Banner } from '../../../ui/state'
import { withheldOf } from '../../../report/facts'
import { thousands } from '../../../report/figures'
import { drawable, measuresOf } from '../../../report/measures'
import type { Words } from '../../../report/names'
import { usePaper } from '../../../report/paper'
import { terms, title } from '../../../report/question'
import { ReleaseTable } from '../../../report/ReleaseTable'
import { dimsOf, hasIndex, plain, type Release } from '../../../report/release'
import { headlineOf, liftLines } from '../../../report/table'
import type { Read } from '../../../report/useRelease'
import { useVerified } from '../../../report/verify/useVerified'
import { useWords } from '../../../report/useWords'
import { About } from './about'
import { Charts } from './charts'
import { Downloads } from './downloads'
import { Receipt } from './receipt'
import { Share } from './share'

/** A report: what was asked, the number, the chart, the table, what protects whom it
 * counts, its receipt, its files. */
export function ReportPage({ id, read }: { id: string; read: Read }) {
  const w = useWords()
  usePaper()
  const r = read.release
  const head = useMemo(() => title(w, r), [w, r])
  // A wide table stands below its chart; so does one that has none beside it.
  const stacked = measuresOf(r).length > 0 || dimsOf(r).length > 2 || drawable(r).length === 0 || hasIndex(r)
  return (
    <>
      <PageHead
        title={head}
        crumbs={[['/', w.t('page.reports')]]}
        lead={origin(w, r)}
        action={
          <>
            <Button onPress={() => print()}>{w.t('print')}</Button>
            <ButtonLink to={`/compare?a=${encodeURIComponent(id)}`}>{w.t('page.compare')}</ButtonLink>
          </>
        }
      />
      <Unverified words={w} read={read} />
      <Kind words={w} release={r} />
      <Terms lines={terms(w, r)} />
      <Headline words={w} release={r} />
      <Lift words={w} release={r} />
      <Withheld words={w} release={r} />
      <div className="result-body" data-stacked={stacked || undefined}>
        <Charts words={w} release={r} />
        <ReleaseTable words={w} release={r} />
      </div>
      <div className="result-more">
        <About words={w} release={r} />
        <div className="stack">
          <Receipt words={w} read={read} />
          <Downloads words={w} id={id} read={read} />
          <Share words={w} id={id} release={r} />
        </div>
      </div>
    </>
  )
}

function origin(w: Words, r: Release): string {
  const out = [w.t('origin.entrustment', { id: plain(r.entrustment), version: r.version }), time(r.released_at)]
  if (r.list && r.list_version) {
    const list = w.t('origin.listVersion', { name: plain(r.list), version: r.list_version })
    out.push(r.list_rows ? w.t('origin.rows', { list, n: thousands(w, r.list_rows) }) : list)
  }
  return out.join(' · ')
}

/** Numbers that failed their check are not read before that is said. */
function Unverified({ words: w, read }: { words: Words; read: Read }) {
  const check = useVerified(read)
  return check.data && !check.data.ok ? (
    <Banner kind="bad" title={w.t('receipt.failed')} live>
      <p>{w.t('receipt.failedLead')}</p>
    </Banner>
  ) : null
}

/** What the room is, where its numbers are not earnest. */
function Kind({ words: w, release }: { words: Words; release: Release }) {
  const { practice, dev } = release.privacy
  if (!practice && !dev) return null
  // A room to rehearse in has a development vault: its own sentence says it all.
  return (
    <Banner kind="warn">
      <p>{w.t(practice ? 'page.practice' : 'page.dev')}</p>
    </Banner>
  )
}

function Terms({ lines }: { lines: string[] }) {
  if (lines.length === 0) return null
  return (
    <ul className="result-terms">
      {lines.map((l) => (
        <li key={l}>{l}</li>
      ))}
    </ul>
  )
}

function Headline({ words: w, release }: { words: Words; release: Release }) {
  const h = headlineOf(w, release)
  if (!h) return null
  return (
    <p className="result-headline">
      <span className="label">{h.label}</span>
      <span className="result-figure" data-withheld={h.withheld || undefined}>
        {h.value}
        {h.unit && <small>{h.unit}</small>}
      </span>
      {h.interval && (
        <span>
          {w.t('figure.interval')} <strong className="nowrap">{h.interval}</strong>
        </span>
      )}
    </p>
  )
}

/** What a lift report says beside its table. */
function Lift({ words: w, release: r }: { words: Words; release: Release }) {
  const lines = liftLines(w, r)
  if (!r.lift) return null
  return (
    <>
      {r.lift.warning && <Banner kind="warn">{plain(r.lift.warning[w.lang])}</Banner>}
      {lines.length > 0 && (
        <dl className="facts">
          {lines.map((l) => (
            <div key={l.id} style={{ display: 'contents' }}>
              <dt>{l.name}</dt>
              <dd>
                <strong>{l.value}</strong> <span className="quiet nowrap">{l.interval}</span>
              </dd>
            </div>
          ))}
        </dl>
      )}
    </>
  )
}

/** What is not shown, why, and what to do. */
function Withheld({ words: w, release }: { words: Words; release: Release }) {
  const x = withheldOf(w, release)
  if (!x) return null
  return (
    <Banner title={x.count}>
      <p>{x.why}</p>
      <p>{x.mend}</p>
    </Banner>
  )
}
