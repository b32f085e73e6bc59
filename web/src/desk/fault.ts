// What the browser's own errors mean to whoever has a file before them.
import { sorts, type Fault, type Sort } from './protocol'

const codes: Record<string, string> = {
  QuotaExceededError: 'E_NO_ROOM',
  // No disk space of its own at all, as in some private windows.
  SecurityError: 'E_NO_ROOM',
  UnknownError: 'E_NO_ROOM',
  // A file that changed, or went, since it was chosen.
  NotReadableError: 'E_FILE_GONE',
  NotFoundError: 'E_FILE_GONE',
}

/** An error as it may be shown: of the modules' with all they say, which holds no
 * cell; of any other its code alone. */
export function faultOf(err: unknown): Fault {
  const none = { field: '', detail: '', mend: '', clause: '' }
  if (typeof err !== 'object' || err === null) return { code: 'E_PAGE', ...none }
  const e = err as Partial<Fault> & { name?: string }
  const known = e.name ? codes[e.name] : undefined
  if (known) return { code: known, ...none }
  if (typeof e.code !== 'string') return { code: 'E_PAGE', ...none }
  return { code: e.code, ...(isSort(e.sort) ? { sort: e.sort } : {}), field: e.field ?? '', detail: e.detail ?? '', mend: e.mend ?? '', clause: e.clause ?? '' }
}

const isSort = (s: unknown): s is Sort => sorts.includes(s as Sort)
