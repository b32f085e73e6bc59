import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../../../api/client'
import { number } from '../../../ui/format'
import { useSettled } from './keep'
import { hasWhere, readsOnly, whereOf, type Document, type Draft } from './question'
import { useReports } from '../data'

/** How many people satisfy the condition, from a planning cube that was bought: it costs
 * nothing, and moves with the fields. */
export function FromCube({ draft }: { draft: Draft }) {
  const { t } = useTranslation('reports')
  const d = useSettled(draft, 400)
  const reports = useReports()
  const where = hasWhere(d.kind) && !d.campaign ? (d.kept ?? whereOf(d.where)) : undefined
  const reads = readsOnly(where)
  const cube = reports.data?.find(
    (r) => r.kind === 'cube' && r.state === 'kept' && r.entrustment === d.entrustment && d.list !== '' && r.list === d.list && reads.attributes.every((a) => ((r.question as Document).dims ?? []).includes(a)),
  )
  const size = useQuery({
    queryKey: ['cube', cube?.id, JSON.stringify(where)],
    queryFn: () => ask(api.POST('/v1/cubes/{cube}/sizes', { params: { path: { cube: cube!.id } }, body: where ? { where: where as Document['where'] } : {} })),
    enabled: !!cube && reads.only && d.kind !== 'cube',
    retry: false,
    staleTime: 60_000,
  })
  // What the cube does not answer is priced as any question: the panel above says so.
  const cell = size.data?.cells?.[0]
  if (!cube || !cell) return null
  return (
    <div className="gauge" role="status">
      <p className="small quiet">{t('cube.title')}</p>
      {cell.status === 'released' && cell.users ? (
        <>
          <p className="big">
            <strong className="num">{t('cube.people', { n: number(cell.users.value) })}</strong>
          </p>
          <p className="small quiet">{t('cube.range', { low: number(cell.users.low), high: number(cell.users.high) })}</p>
        </>
      ) : (
        <p>{t('cube.withheld')}</p>
      )}
      <p className="small quiet">{t('cube.free')}</p>
    </div>
  )
}
