// How much of a list is matched, as far as somebody knows: what a forecast takes for the
// people that a question finds. Taken for whole, a list makes a forecast rosy.
import { useQuery } from '@tanstack/react-query'
import { api, ask } from '../../../api/client'
import { cellsOf, type Release } from '../../../report/release'
import { useReports, type Report } from '../data'
import type { Document, Draft } from './question'

/** Of 100 rows of a list, where no report tells and nobody says another number. */
export const usualRate = 50

/** The share of a list that is matched; at: when the report that tells it was released,
 * undefined: it is assumed. */
export type Matched = { share: number; at?: string }

/** What somebody assumes, as a share; what is no rate is the usual one. */
export function assumed(d: Pick<Draft, 'rate'>): number {
  const n = Number((d.rate ?? '').normalize('NFKC').replace(/[%\s]/g, ''))
  return (n > 0 && n <= 100 ? n : usualRate) / 100
}

/** The newest report that tells how much of a draft's list is matched: of the whole of it. */
export function telling(reports: Report[], d: Pick<Draft, 'entrustment' | 'list'>): Report | undefined {
  const tells = (r: Report) => (r.kind === 'size' || r.kind === 'overlap' || r.kind === 'cube') && r.state === 'kept' && r.entrustment === d.entrustment && r.list === d.list && !(r.question as Document).where
  return d.list === '' ? undefined : reports.filter(tells).sort((a, b) => b.released_at.localeCompare(a.released_at))[0]
}

/** The share of a list that a release found matched; undefined: its number is withheld, or
 * the rows are somebody else's to know. */
export function shareOf(r: Release): number | undefined {
  const rows = r.list_rows ?? 0
  const parts = r.total?.users ? [r.total.users] : [...cellsOf(r), ...(r.other ? [r.other] : [])].flatMap((c) => (c.users ? [c.users] : []))
  const people = parts.reduce((sum, n) => sum + n.value, 0)
  return rows > 0 && people > 0 ? Math.min(1, people / rows) : undefined
}

/** How much of a draft's list is matched; undefined: it is still being looked up. */
export function useMatched(d: Draft): Matched | undefined {
  const reports = useReports()
  const report = telling(reports.data ?? [], d)
  const known = useQuery({
    queryKey: ['matched', report?.id],
    enabled: !!report,
    staleTime: Infinity,
    retry: false,
    queryFn: async (): Promise<number | null> => {
      // A cube is asked for the whole, which is what each of its cells adds up to.
      const r = report!.kind === 'cube' ? api.POST('/v1/cubes/{cube}/sizes', { params: { path: { cube: report!.id } }, body: {} }) : api.GET('/v1/reports/{report}', { params: { path: { report: report!.id } } })
      return shareOf(await ask<Release>(r)) ?? null
    },
  })
  if (reports.isPending || (report && known.isPending)) return undefined
  return report && known.data ? { share: known.data, at: report.released_at } : { share: assumed(d) }
}
