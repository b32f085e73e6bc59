// The colours of the page's theme, for a canvas, which knows no CSS.
import type { Tone } from '../chart'

export type Palette = { text: string; quiet: string; line: string; ground: string; raised: string; font: string; tones: Record<Tone, string>; hatch: CanvasImageSource | null }

const names: Record<Tone, string> = { one: '--series-1', two: '--series-2', three: '--series-3', four: '--series-4', five: '--series-5', quiet: '--series-quiet' }

/** Reads the colours that hold where an element stands. */
export function paletteOf(el: HTMLElement): Palette {
  const css = getComputedStyle(el)
  const of = (name: string) => css.getPropertyValue(name).trim()
  const tones = Object.fromEntries(Object.entries(names).map(([tone, name]) => [tone, of(name)])) as Record<Tone, string>
  return { text: of('--text'), quiet: of('--text-quiet'), line: of('--line'), ground: of('--ground'), raised: of('--ground-raised'), font: css.fontFamily, tones, hatch: hatch(of('--line-strong'), of('--ground-raised')) }
}

/** The pattern of what is withheld: strokes, so that it is told without colour. */
function hatch(ink: string, ground: string): HTMLCanvasElement | null {
  const size = 8
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = size
  const c = canvas.getContext('2d')
  if (!c) return null
  c.fillStyle = ground
  c.fillRect(0, 0, size, size)
  c.strokeStyle = ink
  c.lineWidth = 1.5
  for (const x of [-size, 0, size]) {
    c.beginPath()
    c.moveTo(x, size)
    c.lineTo(x + size, 0)
    c.stroke()
  }
  return canvas
}
