// How a version of a list differs from the one before.
import { number } from '../../ui/format'

/** Rows that came or went; of a replacement in a room that did not count yet, not known. */
export const signed = (rows: number | undefined, sign: '+' | '−') => (rows === undefined ? '—' : rows === 0 ? '0' : sign + number(rows))
