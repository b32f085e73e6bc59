import { useTranslation } from 'react-i18next'
import type { Group } from '../../desk/protocol'
import { Button } from '../../ui/button'
import { number } from '../../ui/format'
import { Table } from '../../ui/table'
import { save } from './save'

/** Problems by column and reason: how many, in which rows first, what to do; sent: the
 * list is, without them. */
export function Problems({ groups, problems, sent, name = 'rows' }: { groups: Group[]; problems?: Blob; sent?: boolean; name?: string }) {
  const { t, i18n } = useTranslation('lists')
  if (groups.length === 0) return <p>{t('problems.none')}</p>
  const mend = (g: Group) => (i18n.exists(`lists:reason.${g.reason}.1`) ? t(`reason.${g.reason}.1` as 'reason.other.1') : g.mend)
  const what = (g: Group) => (i18n.exists(`lists:reason.${g.reason}.0`) ? t(`reason.${g.reason}.0` as 'reason.other.0') : t('reason.other.0'))
  return (
    <div className="stack-s">
      <Table
        label={t('problems.title')}
        rows={groups}
        id={(g) => `${g.column} ${g.reason}`}
        columns={[
          { id: 'column', head: t('problems.column'), header: true, cell: (g) => g.column || t('problems.row') },
          { id: 'reason', head: t('problems.reason'), cell: (g) => what(g) },
          { id: 'count', head: t('problems.count'), num: true, cell: (g) => (g.least ? t('problems.atLeast', { n: number(g.count) }) : number(g.count)) },
          { id: 'rows', head: t('problems.rows'), cell: (g) => rowsOf(g) || '—' },
          { id: 'mend', head: t('problems.mend'), cell: (g) => mend(g) },
        ]}
      />
      <p className="small quiet">{t(sent ? 'problems.left' : 'problems.goOn')}</p>
      {problems && (
        <div>
          <Button onPress={() => save(problems, `${name}-problems.csv`)}>{t('problems.download')}</Button>
        </div>
      )}
    </div>
  )
}

const rowsOf = (g: Group) => g.rows.slice(0, 5).map((n) => number(n)).join(', ') + (g.count > Math.min(5, g.rows.length) && g.rows.length > 0 ? ' …' : '')
