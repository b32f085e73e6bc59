import { useMe } from '../../../api/me'
import { day } from '../../../ui/format'
import type { Words } from '../../../report/names'
import { plain, receiptOf, type Release } from '../../../report/release'
import { Copy } from '../../../report/ReleaseTable'
import { useReportRow } from '../../../report/useRelease'

/** A link for colleagues, and who may open it. */
export function Share({ words: w, id, release }: { words: Words; id: string; release: Release }) {
  const me = useMe()
  const row = useReportRow(id)
  const party = receiptOf(release).recipient ?? me.data?.party ?? ''
  return (
    <section className="panel no-print">
      <h2>{w.t('share.title')}</h2>
      <p>
        {w.t('share.who', { party: plain(party) })} {row.data && w.t('share.until', { date: day(row.data.kept_until) })}
      </p>
      <Copy text={() => location.href} label={w.t('share.copy')} done={w.t('share.copied')} />
    </section>
  )
}
