// A release as the room signed it, and what every piece of the result page reads of it.
import type { Schemas } from '../api/client'

export type Release = Schemas['Release']
export type Cell = Schemas['ReleaseCell']
export type Sum = Schemas['ReleaseSum']
export type Dim = { name: string; domain: string[] }

/** A number with its 95 % interval. */
export type Interval = { value: number; low: number; high: number }

export const unknown = 'unknown'

export const dimsOf = (r: Release): Dim[] => r.dims ?? []
export const cellsOf = (r: Release): Cell[] => r.cells ?? []
export const released = (c: Cell) => c.status === 'released'
export const keyOf = (c: Cell): Record<string, string> => c.key ?? {}
export const hasIndex = (r: Release) => cellsOf(r).some((c) => c.index)

/** A cell's place in the table as one text. */
export const cellId = (key: Record<string, string>, dims: readonly Dim[]) => JSON.stringify(dims.map((d) => key[d.name] ?? ''))

/** Reads a file's bytes as the release it holds: what is shown is what is verified. */
export function readRelease(bytes: Uint8Array): Release {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Release
}

/** What a report's receipt says, as far as the page shows it before it was checked. */
export type Receipt = { recipient?: string; confinement?: string; specs?: string[]; log?: { index?: number; checkpoint?: string } }

export function receiptOf(r: Release): Receipt {
  return (r.receipt ?? {}) as Receipt
}

/** The size of the record log at a checkpoint; undefined of what is none. */
export function logSize(checkpoint: string | undefined): number | undefined {
  const n = Number((checkpoint ?? '').split('\n')[1])
  return Number.isSafeInteger(n) && n > 0 ? n : undefined
}

/** Of a release that has a noise deviation of its own: σ·√terms. */
export function deviation(p: Release['privacy']): number {
  return p.sigma * Math.sqrt(Math.max(1, p.cells_of_one ?? 0, p.cells_summed ?? 0))
}

/** Half the width of a 95 % interval of one cell's people. */
export const precision = (p: Release['privacy']) => Math.ceil(1.96 * deviation(p))

/** What would move a cursor, or turn the direction in which a text is read, is made
 * visible: names come from documents that others wrote. */
export function plain(s: string): string {
  return s.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, '\ufffd')
}
