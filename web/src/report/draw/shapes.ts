// What marks are drawn of: bars, whiskers, signs, figures, hatched places.
import type { Palette } from './palette'

export const textSize = 14

/** How wide a text is, about: a canvas is not needed to lay out a chart. */
export function widthOf(text: string, size = textSize): number {
  let em = 0
  for (const c of text) em += c.codePointAt(0)! > 0x2e7f ? 1 : /[A-Z%mw]/.test(c) ? 0.72 : 0.57
  return em * size
}

/** A text that fits into a width; what does not fit ends in an ellipsis. */
export function fit(text: string, room: number, size = textSize): string {
  if (widthOf(text, size) <= room) return text
  let out = text
  while (out.length > 1 && widthOf(out + '…', size) > room) out = out.slice(0, -1)
  return out + '…'
}

export type Shape = { type: string; shape?: Record<string, number | number[][]>; style?: Record<string, unknown>; children?: Shape[]; x?: number; y?: number; z2?: number; silent?: boolean }

export const box = (x: number, y: number, width: number, height: number, fill: string): Shape => ({ type: 'rect', shape: { x: width < 0 ? x + width : x, y, width: Math.max(1, Math.abs(width)), height }, style: { fill } })

export const stroke = (x1: number, y1: number, x2: number, y2: number, color: string, width = 1.5, dash?: number[]): Shape => ({ type: 'line', shape: { x1, y1, x2, y2 }, style: { stroke: color, lineWidth: width, ...(dash ? { lineDash: dash } : {}) } })

export function word(p: Palette, text: string, x: number, y: number, align: 'left' | 'right' | 'center', options: { color?: string; size?: number; below?: boolean } = {}): Shape {
  return { type: 'text', style: { text, x, y, fill: options.color ?? p.text, font: `${options.size ?? textSize}px ${p.font}`, align, verticalAlign: options.below ? 'top' : 'middle' } }
}

/** An interval: a thin line with ends, edged so that it is seen on a bar too. */
export function whisker(p: Palette, from: number, to: number, across: number, vertical: boolean): Shape[] {
  const end = 4
  const lines: [number, number, number, number][] = vertical
    ? [[across, from, across, to], [across - end, from, across + end, from], [across - end, to, across + end, to]]
    : [[from, across, to, across], [from, across - end, from, across + end], [to, across - end, to, across + end]]
  return [...lines.map((l) => stroke(...l, p.ground, 3.5)), ...lines.map((l) => stroke(...l, p.text))]
}

/** A place that holds no number: hatched, and named. */
export function hatched(p: Palette, x: number, y: number, width: number, height: number): Shape {
  const rect = { type: 'rect', shape: { x: width < 0 ? x + width : x, y, width: Math.abs(width), height } }
  return { ...rect, style: { fill: p.hatch ? { image: p.hatch, repeat: 'repeat' } : 'transparent', stroke: p.line, lineWidth: 1 } }
}

/** The sign of a series: they differ in form, not in colour alone. */
export function sign(p: Palette, series: number, x: number, y: number, fill: string): Shape {
  const r = 6
  const style = { fill, stroke: p.ground, lineWidth: 1.5 }
  switch (series % 4) {
    case 1:
      return { type: 'polygon', shape: { points: [[x, y - r - 1], [x + r + 1, y], [x, y + r + 1], [x - r - 1, y]] }, style }
    case 2:
      return { type: 'rect', shape: { x: x - r + 1, y: y - r + 1, width: 2 * r - 2, height: 2 * r - 2 }, style }
    case 3:
      return { type: 'polygon', shape: { points: [[x, y - r], [x + r, y + r - 1], [x - r, y + r - 1]] }, style }
    default:
      return { type: 'circle', shape: { cx: x, cy: y, r }, style }
  }
}
