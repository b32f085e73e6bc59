import { useLayoutEffect, useMemo, useRef, useState } from 'react'
import { figure, range, short } from './figures'
import { valueName, type Words } from './names'
import { layout, shortName } from './prefectures'
import { shadesOf } from './shades'
import type { Mark, Tiles } from './chart'

/** The 47 prefectures as squares where Japan has them: value by shade, number inside.
 * Where a map has no room, region by region. */
export function TileMap({ chart, words: w, summary }: { chart: Tiles; words: Words; summary: string }) {
  const box = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(960)
  useLayoutEffect(() => {
    const el = box.current!
    const see = new ResizeObserver(() => setWidth(el.clientWidth))
    see.observe(el)
    setWidth(el.clientWidth)
    return () => see.disconnect()
  }, [])
  const wide = width >= 540
  const l = useMemo(() => layout(wide), [wide])
  const shades = useMemo(() => shadesOf([...chart.marks.values()]), [chart])
  const side = Math.min(60, Math.floor(width / l.columns))
  return (
    <figure className="tiles" ref={box} data-lang={w.lang}>
      <div className="tiles-map" role="img" aria-label={summary} style={{ gridTemplateColumns: `repeat(${l.columns}, ${side}px)`, gridAutoRows: `${side}px` }}>
        {l.places.map((p) => {
          const m = chart.marks.get(p.name)
          return m && <Tile key={p.name} mark={m} name={w.lang === 'ja' ? shortName(p.name) : valueName(w, 'prefecture', p.name)} shade={m.at ? shades.of(m.at.value) : 0} column={p.column} row={p.row} chart={chart} words={w} />
        })}
      </div>
      <Legend chart={chart} words={w} bounds={shades.bounds} />
    </figure>
  )
}

function Tile({ mark: m, name, shade, column, row, chart, words: w }: { mark: Mark; name: string; shade: number; column: number; row: number; chart: Tiles; words: Words }) {
  const at = m.at
  const title = at ? w.t('chart.tile', { label: m.label, value: figure(w, chart.kind, at.value), range: range(w, chart.kind, at) }) : `${m.label} ${w.t(at === null ? 'figure.unsteady' : 'withheld.full')}`
  return (
    <div className="tile" data-shade={at ? shade : undefined} data-withheld={at === undefined || undefined} title={title} style={{ gridColumn: column + 1, gridRow: row + 1 }}>
      <span className="tile-name">{name}</span>
      <span className="tile-value">{at ? short(w, chart.kind, at.value) : w.t(at === null ? 'figure.unsteady' : 'withheld.short')}</span>
    </div>
  )
}

function Legend({ chart, words: w, bounds }: { chart: Tiles; words: Words; bounds: { from: number; to: number }[] }) {
  const write = (v: number) => short(w, chart.kind, v)
  return (
    <figcaption className="tiles-legend small" aria-label={w.t('chart.legend')}>
      {bounds.map((b, i) => (
        <span key={i} className="tiles-key">
          <span className="tile-key" data-shade={i + 1} aria-hidden="true" />
          {b.from === b.to ? write(b.from) : w.t('chart.between', { from: write(b.from), to: write(b.to) })}
        </span>
      ))}
      <span className="tiles-key">
        <span className="tile-key" data-withheld aria-hidden="true" />
        {w.t('withheld.full')}
      </span>
    </figcaption>
  )
}
