import { useMemo, useState } from 'react'
import { Button, Link } from '../../../ui/button'
import { Select } from '../../../ui/field'
import { number, plusMinus, time } from '../../../ui/format'
import { Banner } from '../../../ui/state'
import { comparable, compare, differing, noiseOf, unfit, verdict, type Comparison, type Pair, type Verdict } from '../../../report/compare'
import { figure, points, range, signed } from '../../../report/figures'
import { users, type Measure } from '../../../report/measures'
import { dimName, labelOf, measureName, valueName, type Words } from '../../../report/names'
import { condition, terms, title, type Condition } from '../../../report/question'
import { Copy } from '../../../report/ReleaseTable'
import { cellId, dimsOf, plain, precision, type Interval, type Release } from '../../../report/release'
import { linesOf, liftLines } from '../../../report/table'

const first = 120 // rows, until more are asked for

type Side = { id: string; release: Release }

/** A beside B: whether they fit, what differs in the questions, and each cell. */
export function Beside({ words: w, a, b }: { words: Words; a: Side; b: Side }) {
  const [name, setName] = useState('users')
  const bad = useMemo(() => unfit(a.release, b.release), [a.release, b.release])
  const heads = (
    <ul className="result-pair">
      {[a, b].map((x, i) => (
        <li key={i}>
          <strong>{w.t(i === 0 ? 'compare.a' : 'compare.b')}</strong> <Link href={`/${x.id}`}>{title(w, x.release)}</Link> <span className="quiet nowrap">{time(x.release.released_at)}</span>
        </li>
      ))}
    </ul>
  )
  if (bad)
    return (
      <>
        {heads}
        <Banner kind="warn" title={bad.reason === 'dims' ? w.t('compare.dims', { a: dimsIn(w, a.release), b: dimsIn(w, b.release) }) : w.t(bad.reason === 'kind' ? 'compare.kind' : 'compare.bandsNone')} live />
      </>
    )
  const measures = comparable(a.release, b.release)
  const m = measures.find((x) => x.name === name) ?? users
  return (
    <>
      {heads}
      <Differs words={w} a={a.release} b={b.release} />
      {a.release.lift && <LiftBeside words={w} a={a.release} b={b.release} />}
      {measures.length > 1 && <Select label={w.t('chart.measure')} choices={measures.map((x) => ({ id: x.name, label: measureName(w, x.name) }))} value={m.name} onChange={setName} />}
      <Pairs words={w} a={a.release} b={b.release} measure={m} />
    </>
  )
}

const dimsIn = (w: Words, r: Release) => dimsOf(r).map((d) => dimName(w, d.name)).join(w.t('condition.list')) || w.t('compare.noDims')

/** In what the two questions differ, in words. */
function Differs({ words: w, a, b }: { words: Words; a: Release; b: Release }) {
  const fields = differing(a, b).filter((f) => f !== 'released_at')
  const say = (r: Release, field: string): string => {
    const q = r.question as unknown as { where?: Condition; window?: { from: string; to: string } }
    switch (field) {
      case 'where':
        return q.where ? condition(w, q.where) : w.t('compare.everyone')
      case 'window':
        return q.window ? w.t('figure.range', { low: q.window.from, high: q.window.to }) : '—'
      case 'sigma':
        return plusMinus(precision(r.privacy))
      case 'campaign':
        return plain(r.campaign?.id ?? '—')
      case 'list':
        return plain(r.list ?? '—')
      case 'list_version':
        return String(r.list_version ?? '—')
      case 'entrustment':
        return plain(r.entrustment)
      default:
        return terms(w, r).join(' ')
    }
  }
  return (
    <section className="stack-s">
      <h2>{w.t('compare.differs')}</h2>
      {fields.length === 0 ? (
        <p>{w.t('compare.nothing')}</p>
      ) : (
        <ul>
          {fields.map((f) => (
            <li key={f}>
              {w.t('compare.was', { name: w.t(`compare.field.${f}`), a: say(a, f), b: say(b, f) })}
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

const noises = { independent: 'compare.independent', same: 'compare.same', shared: 'compare.dependent', chance: 'compare.liftChance' } as const

function Pairs({ words: w, a, b, measure: m }: { words: Words; a: Release; b: Release; measure: Measure }) {
  const c = useMemo(() => compare(a, b, m), [a, b, m])
  const [all, showAll] = useState(false)
  const counts = useMemo(() => {
    const out: Record<Verdict, number> = { up: 0, down: 0, unclear: 0, unknown: 0 }
    for (const p of c.pairs) out[verdict(p)]++
    return out
  }, [c])
  return (
    <section className="stack-s">
      <p>{w.t(noises[noiseOf(a, b, m)])}</p>
      {c.alone.length > 0 && <p className="quiet">{w.t('compare.bands', { names: names(w, a, c) })}</p>}
      {c.noise === 'independent' && <p>{w.t('compare.summary', { n: c.pairs.length, up: counts.up, down: counts.down, unclear: counts.unclear, withheld: counts.unknown })}</p>}
      <div>
        <Copy text={() => copyOf(w, a, c)} label={w.t('table.copy')} done={w.t('table.copied')} />
      </div>
      <div className="table-scroll release-scroll" tabIndex={0} role="region" aria-label={w.t('compare.title')}>
        <table className="table release-table">
          <caption className="unseen">{w.t('compare.title')}</caption>
          <thead>
            <tr>
              {keyHeads(w, a).map((h) => (
                <th key={h} scope="col">
                  {h}
                </th>
              ))}
              {headsOf(w, c).map((h) => (
                <th key={h.text} scope="col" className="num">
                  {h.text}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {c.pairs.slice(0, all ? undefined : first).map((p) => (
              <PairRow key={cellId(p.key, dimsOf(a))} words={w} release={a} pair={p} comparison={c} />
            ))}
          </tbody>
        </table>
      </div>
      {!all && c.pairs.length > first && (
        <div>
          <Button onPress={() => showAll(true)}>{w.t('table.all', { n: number(c.pairs.length) })}</Button>
        </div>
      )}
    </section>
  )
}

const names = (w: Words, r: Release, c: Comparison) => c.alone.slice(0, 12).map((k) => labelOf(w, dimsOf(r), k)).join(w.t('condition.list')) + (c.alone.length > 12 ? ' …' : '')

/** The heads of what is numbers; each with an interval of its own has one more in a copy. */
function headsOf(w: Words, c: Comparison): { text: string; interval?: string }[] {
  const name = measureName(w, c.measure.name)
  const side = (s: string) => ({ text: `${s} ${name}`, interval: `${s} ${w.t('table.interval')}` })
  const more = c.noise === 'independent' ? [{ text: w.t('compare.difference'), interval: w.t('compare.differenceInterval') }, { text: w.t('compare.word') }] : []
  return [side(w.t('compare.a')), side(w.t('compare.b')), ...more, { text: w.t('compare.relative') }]
}

const keyHeads = (w: Words, r: Release) => (dimsOf(r).length ? dimsOf(r).map((d) => dimName(w, d.name)) : [w.t('table.cell')])
const keysOf = (w: Words, r: Release, key: Record<string, string>) => (dimsOf(r).length ? dimsOf(r).map((d) => valueName(w, d.name, key[d.name] ?? '')) : [w.t('sum.everyone')])

type Shown = { text: string; interval?: string; withheld?: boolean; strong?: boolean }

/** What stands in the row of a pair behind its keys, as headsOf has it. */
function shown(w: Words, c: Comparison, p: Pair): Shown[] {
  const kind = c.measure.kind
  const side = (x: Interval | undefined, withheld: boolean): Shown => (x ? { text: figure(w, kind, x.value), interval: range(w, kind, x) } : { text: w.t(withheld ? 'withheld.short' : 'figure.unsteady'), withheld, interval: '' })
  const out = [side(p.a, p.withheldA), side(p.b, p.withheldB)]
  const d = p.difference
  const change = (v: number) => (kind === 'share' ? points(w, v) : signed(w, kind, v))
  if (c.noise === 'independent') {
    const word = verdict(p)
    out.push({ text: d ? change(d.value) : '—', interval: d ? w.t('figure.range', { low: change(d.low), high: change(d.high) }) : '', strong: word === 'up' || word === 'down' })
    out.push({ text: d ? w.t(`compare.${word}`) : '' })
  }
  out.push({ text: p.relative === undefined ? '—' : signed(w, 'share', p.relative) })
  return out
}

function PairRow({ words: w, release, pair, comparison }: { words: Words; release: Release; pair: Pair; comparison: Comparison }) {
  return (
    <tr>
      {keysOf(w, release, pair.key).map((k, i) => (
        <th key={i} scope="row">
          {k}
        </th>
      ))}
      {shown(w, comparison, pair).map((s, i) => (
        <td key={i} className="num">
          {s.withheld ? <span className="withheld">{s.text}</span> : s.strong ? <strong>{s.text}</strong> : s.text}
          {s.interval && <div className="quiet small">{s.interval}</div>}
        </td>
      ))}
    </tr>
  )
}

function copyOf(w: Words, r: Release, c: Comparison): string {
  const spread = (cells: { text: string; interval?: string }[]) => cells.flatMap((x) => (x.interval === undefined ? [x.text] : [x.text, x.interval]))
  const rows = c.pairs.map((p) => [...keysOf(w, r, p.key), ...spread(shown(w, c, p))])
  return linesOf([[...keyHeads(w, r), ...spread(headsOf(w, c))], ...rows])
}

/** What two lift reports say, side by side. */
function LiftBeside({ words: w, a, b }: { words: Words; a: Release; b: Release }) {
  const other = new Map(liftLines(w, b).map((l) => [l.id, l]))
  const lines = liftLines(w, a)
  if (lines.length === 0) return null
  return (
    <div className="table-scroll">
      <table className="table release-table">
        <caption className="unseen">{w.t('lift.title')}</caption>
        <thead>
          <tr>
            <th scope="col">{w.t('lift.title')}</th>
            <th scope="col" className="num">
              {w.t('compare.a')}
            </th>
            <th scope="col" className="num">
              {w.t('compare.b')}
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.map((l) => (
            <tr key={l.id}>
              <th scope="row">{l.name}</th>
              {[l, other.get(l.id)].map((x, i) => (
                <td key={i} className="num">
                  {x ? x.value : '—'} <span className="quiet">{x?.interval}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
