import { useTranslation } from 'react-i18next'
import type { ColumnReport } from '../../desk/protocol'
import { number } from '../../ui/format'

/** How the cells of a column fare, as a bar and in numbers; unlisted: values of it that
 * are not among those that are listed. */
export function Health({ of, unlisted }: { of?: ColumnReport; unlisted: string[] }) {
  const { t } = useTranslation('lists')
  if (!of) return <span className="quiet">—</span>
  const bad = of.refused + of.unreadable
  const good = Math.max(0, of.filled - of.repaired - bad)
  const parts: [string, number][] = [
    ['accepted', good],
    ['repaired', of.repaired],
    [of.use.startsWith('value ') || of.use === 'consent' ? 'unknown' : 'rejected', bad],
  ]
  return (
    <div className="health">
      <div className="health-bar" aria-hidden="true">
        {parts.map(([name, n]) => n > 0 && <span key={name} data-kind={name} style={{ flexGrow: n }} />)}
      </div>
      <ul>
        {parts.map(([name, n], i) =>
          n > 0 || i === 0 ? (
            <li key={name} data-kind={name}>
              {t(`count.${name}` as 'count.accepted')} <span className="num">{number(n)}</span>
            </li>
          ) : null,
        )}
      </ul>
      {unlisted.length > 0 && <p className="small">{t('columns.unlisted', { values: unlisted.join(t('comma')) })}</p>}
    </div>
  )
}
