import { useMemo, useState } from 'react'
import { Select } from '../../../ui/field'
import { chartsOf, firstSlice, sliceDims, type Slice } from '../../../report/chart'
import { ChartView } from '../../../report/ChartView'
import { drawable, users } from '../../../report/measures'
import { dimName, measureName, valueName, type Words } from '../../../report/names'
import { hasIndex, type Release } from '../../../report/release'

/** The charts that fit the question: of the measure and the slice that are chosen. */
export function Charts({ words: w, release: r }: { words: Words; release: Release }) {
  const measures = useMemo(() => drawable(r), [r])
  const [name, setName] = useState<string>()
  const [slice, setSlice] = useState<Slice>(() => firstSlice(r))
  const first = r.report === 'attribution' ? 'credits' : 'users'
  const measure = measures.find((m) => m.name === (name ?? first)) ?? measures[0] ?? users
  const charts = useMemo(() => chartsOf(w, r, measure, slice), [w, r, measure, slice])
  // Who compares with all users sees both at once: how many, and whether more than usual.
  const index = useMemo(() => (hasIndex(r) && measure.name === 'users' ? chartsOf(w, r, { name: 'index', kind: 'index' }, slice) : []), [w, r, measure, slice])
  const sliced = sliceDims(r)
  if (measures.length === 0) return <p className="quiet">{w.t(r.report === 'cube' ? 'chart.noCube' : 'chart.noPart')}</p>
  const drawn = [...charts, ...index]
  if (drawn.length === 0 && sliced.length === 0) return null
  return (
    <section className="stack">
      {(measures.length > 1 || sliced.length > 0) && (
        <div className="result-choices no-print">
          {measures.length > 1 && <Select label={w.t('chart.measure')} choices={measures.map((m) => ({ id: m.name, label: measureName(w, m.name) }))} value={measure.name} onChange={setName} />}
          {sliced.map((d) => (
            <Select key={d.name} label={dimName(w, d.name)} choices={d.domain.map((v) => ({ id: v, label: valueName(w, d.name, v) }))} value={slice[d.name] ?? null} onChange={(v) => setSlice({ ...slice, [d.name]: v })} />
          ))}
        </div>
      )}
      <div className="result-charts">
        {drawn.map((c) => (
          <ChartView key={`${c.form} ${c.title}`} chart={c} words={w} />
        ))}
      </div>
    </section>
  )
}
