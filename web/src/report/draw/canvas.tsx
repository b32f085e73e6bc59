// A chart on a canvas. Loaded when the first chart is shown: ECharts comes with it.
import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import { CustomChart } from 'echarts/charts'
import { GridComponent, TooltipComponent } from 'echarts/components'
import { init, use, type EChartsType } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { useTheme } from '../../ui/theme'
import { usePaper } from '../paper'
import type { Words } from '../names'
import { heightOf, optionOf, type Drawn } from './option'
import { paletteOf } from './palette'

// On a canvas alone: SVG and HTML tooltips set style attributes, which the page's
// policy refuses.
use([CustomChart, GridComponent, TooltipComponent, CanvasRenderer])

export default function ChartCanvas({ chart, words, summary }: { chart: Drawn; words: Words; summary: string }) {
  const box = useRef<HTMLDivElement>(null)
  const drawn = useRef<EChartsType>(null)
  const [width, setWidth] = useState(0)
  const theme = useTheme()
  const paper = usePaper()

  useLayoutEffect(() => {
    const el = box.current!
    const see = new ResizeObserver(() => setWidth(Math.floor(el.clientWidth)))
    see.observe(el)
    setWidth(Math.floor(el.clientWidth))
    return () => see.disconnect()
  }, [])

  const height = heightOf(chart)
  useLayoutEffect(() => {
    const el = box.current
    if (!el || width === 0) return
    drawn.current ??= init(el, undefined, { renderer: 'canvas', width, height })
    drawn.current.resize({ width, height })
    drawn.current.setOption(optionOf({ w: words, p: paletteOf(el), width }, chart) as Parameters<EChartsType['setOption']>[0], true)
  }, [chart, words, width, height, theme, paper])

  useEffect(
    () => () => {
      drawn.current?.dispose()
      drawn.current = null
    },
    [],
  )

  return <div ref={box} className="chart-canvas" role="img" aria-label={summary} style={{ height }} />
}
