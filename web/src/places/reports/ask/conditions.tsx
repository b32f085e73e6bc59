import { useTranslation } from 'react-i18next'
import { Button } from '../../../ui/button'
import { Select } from '../../../ui/field'
import { Banner } from '../../../ui/state'
import { condition } from '../../../report/question'
import type { Condition } from '../../../report/question'
import { ConditionRow, fresh, type Fields } from './row'
import { rowID, type Group, type Item, type Join, type Row, type Where } from './question'
import { useWords } from '../../../report/useWords'

type Props = { where: Where; kept?: Condition; fields: Fields; onChange: (w: Where) => void; onDropKept: () => void }

/** Conditions: rows, and groups of rows one level below. */
export function Conditions({ where, kept, fields, onChange, onDropKept }: Props) {
  const { t } = useTranslation('reports')
  const w = useWords()
  if (kept)
    return (
      <Banner title={t('where.kept.title')}>
        <p>{condition(w, kept)}</p>
        <p className="small">{t('where.kept.text')}</p>
        <div>
          <Button onPress={onDropKept}>{t('where.kept.drop')}</Button>
        </div>
      </Banner>
    )
  const put = (items: Item[]) => onChange({ ...where, items })
  const set = (i: number, item: Item) => put(where.items.map((o, at) => (at === i ? item : o)))
  const drop = (i: number) => put(where.items.filter((_, at) => at !== i))
  const first = fresh(fields)
  return (
    <div className="stack-s">
      {where.items.length === 0 && <p className="quiet">{t('where.none')}</p>}
      {where.items.length > 1 && <JoinSelect join={where.join} onChange={(join) => onChange({ ...where, join })} />}
      {where.items.map((item, i) =>
        item.is === 'group' ? (
          <GroupRows key={item.id} group={item} fields={fields} onChange={(g) => set(i, g)} onDrop={() => drop(i)} />
        ) : (
          <ConditionRow key={item.id} row={item} fields={fields} onChange={(r) => set(i, r)} onDrop={() => drop(i)} />
        ),
      )}
      {first ? (
        <div className="row">
          <Button onPress={() => put([...where.items, first])}>{t('where.add')}</Button>
          {where.items.length > 0 && (
            <Button kind="plain" onPress={() => put([...where.items, { id: rowID(), is: 'group', join: where.join === 'all' ? 'any' : 'all', rows: [fresh(fields)!] }])}>
              {t('where.addGroup')}
            </Button>
          )}
        </div>
      ) : (
        <p className="small quiet">{t('where.nothing')}</p>
      )}
    </div>
  )
}

function JoinSelect({ join, onChange }: { join: Join; onChange: (j: Join) => void }) {
  const { t } = useTranslation('reports')
  return (
    <div className="narrow">
      <Select<Join> label={t('where.join')} hideLabel value={join} onChange={onChange} choices={(['all', 'any'] as const).map((id) => ({ id, label: t(`where.${id}`) }))} />
    </div>
  )
}

function GroupRows({ group, fields, onChange, onDrop }: { group: Group; fields: Fields; onChange: (g: Group) => void; onDrop: () => void }) {
  const { t } = useTranslation('reports')
  const put = (rows: Row[]) => (rows.length ? onChange({ ...group, rows }) : onDrop())
  return (
    <fieldset className="group">
      <legend className="unseen">{t('where.group')}</legend>
      <JoinSelect join={group.join} onChange={(join) => onChange({ ...group, join })} />
      {group.rows.map((r, i) => (
        <ConditionRow key={r.id} row={r} fields={fields} onChange={(n) => put(group.rows.map((o, at) => (at === i ? n : o)))} onDrop={() => put(group.rows.filter((_, at) => at !== i))} />
      ))}
      <div className="row">
        <Button kind="plain" onPress={() => put([...group.rows, fresh(fields)!])}>
          {t('where.addHere')}
        </Button>
      </div>
    </fieldset>
  )
}

