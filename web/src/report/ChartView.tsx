import { Component, lazy, Suspense, useMemo, type ReactNode } from 'react'
import type { Chart } from './chart'
import type { Words } from './names'
import { summaryOf } from './summary'
import { TileMap } from './TileMap'

const ChartCanvas = lazy(() => import('./draw/canvas'))

/** A chart with its title, what it means and what it leaves out. */
export function ChartView({ chart, words: w }: { chart: Chart; words: Words }) {
  const summary = useMemo(() => summaryOf(w, chart), [w, chart])
  return (
    <section className="chart" data-form={chart.form}>
      <h3>{chart.title}</h3>
      <Broken text={w.t('chart.broken')} key={chart.form}>
        {chart.form === 'tiles' ? (
          <TileMap chart={chart} words={w} summary={summary} />
        ) : (
          <>
            {chart.form === 'dots' && chart.series.length > 1 && <Series chart={chart} />}
            <Suspense fallback={<p className="quiet">{w.t('chart.loading')}</p>}>
              <ChartCanvas chart={chart} words={w} summary={summary} />
            </Suspense>
          </>
        )}
      </Broken>
      {notes(w, chart).map((n) => (
        <p key={n} className="small quiet chart-note">
          {n}
        </p>
      ))}
    </section>
  )
}

function notes(w: Words, c: Chart): string[] {
  const out = [w.t(c.form === 'dots' ? 'chart.hundred' : 'chart.whisker')]
  if (c.form === 'tiles') out[0] = w.t('chart.tilesInterval')
  if (c.form === 'bars' && c.omitted) out.push(w.t('chart.more', { shown: c.marks.length, ...c.omitted }))
  if (c.form === 'dots' && c.omitted) out.push(w.t('chart.moreIndex', { ...c.omitted }))
  if (c.form === 'pyramid' && c.rest.length) out.push(w.t('chart.rest', { names: c.rest.join(w.t('condition.list')) }))
  if (c.form === 'tiles' && c.rest.length) out.push(w.t('chart.notUnknown', { names: c.rest.join(w.t('condition.list')) }))
  return out
}

const signs = ['●', '◆', '■', '▲']

function Series({ chart }: { chart: Extract<Chart, { form: 'dots' }> }) {
  return (
    <ul className="chart-series small">
      {chart.series.map((s, i) => (
        <li key={s.name}>
          <span className="chart-sign" data-tone={s.tone} aria-hidden="true">
            {signs[i % 4]}
          </span>
          {s.name}
        </li>
      ))}
    </ul>
  )
}

/** Where a chart breaks, the table still stands. */
class Broken extends Component<{ text: string; children: ReactNode }, { broken: boolean }> {
  override state = { broken: false }
  static getDerivedStateFromError() {
    return { broken: true }
  }
  override render() {
    return this.state.broken ? <p role="status">{this.props.text}</p> : this.props.children
  }
}
