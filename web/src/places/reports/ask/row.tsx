import { useTranslation } from 'react-i18next'
import { Button } from '../../../ui/button'
import { Select, TextField, type Choice } from '../../../ui/field'
import { MultiSelect } from '../../../ui/multi'
import { dimName, valueName } from '../../../report/names'
import { type Column } from '../data'
import { rowID, type Row } from './question'
import { useWords } from '../../../report/useWords'

/** What conditions may read under the entrustment that is chosen. */
export type Fields = { attributes: Column[]; columns: Column[]; events: string[]; lists: string[] }

const of = (fields: Fields) => [...fields.attributes, ...fields.columns]

/** A new row, of what there is first; undefined: conditions may read nothing. */
export function fresh(fields: Fields): Row | undefined {
  const a = of(fields)[0]
  if (a) return { id: rowID(), not: false, is: 'in', attribute: a.name, values: [] }
  if (fields.events[0]) return { id: rowID(), not: false, is: 'event', category: fields.events[0], times: 1, days: 30 }
  if (fields.lists[0]) return { id: rowID(), not: true, is: 'list', list: fields.lists[0] }
  return undefined
}

/** One condition: attribute is values · did at least n in d days · is on a list. */
export function ConditionRow({ row: r, fields, onChange, onDrop }: { row: Row; fields: Fields; onChange: (r: Row) => void; onDrop: () => void }) {
  const { t } = useTranslation('reports')
  const w = useWords()
  const subjects: Choice[] = [
    ...of(fields).map((a) => ({ id: `a:${a.name}`, label: dimName(w, a.name) })),
    ...(fields.events.length ? [{ id: 'event', label: t('where.did') }] : []),
    ...(fields.lists.length ? [{ id: 'list', label: t('where.onList') }] : []),
  ]
  const subject = r.is === 'event' || r.is === 'list' ? r.is : `a:${r.attribute}`
  const choose = (k: string) => {
    if (k === subject) return
    const at = { id: r.id, not: false }
    if (k === 'event') onChange({ ...at, is: 'event', category: fields.events[0] ?? '', times: 1, days: 30 })
    else if (k === 'list') onChange({ ...at, not: true, is: 'list', list: fields.lists[0] ?? '' })
    else onChange({ ...at, is: 'in', attribute: k.slice(2), values: [] })
  }
  return (
    <div className="condition" role="group" aria-label={t('where.one')}>
      <Select label={t('where.subject')} hideLabel value={subject} onChange={choose} choices={subjects} />
      {r.is === 'event' ? (
        <EventFields row={r} events={fields.events} onChange={onChange} />
      ) : r.is === 'list' ? (
        <ListFields row={r} lists={fields.lists} onChange={onChange} />
      ) : (
        <ValueFields row={r} column={of(fields).find((a) => a.name === r.attribute)} onChange={onChange} />
      )}
      <Button kind="plain" aria-label={t('where.drop')} onPress={onDrop}>
        ✕
      </Button>
    </div>
  )
}

type Of<K extends Row['is']> = Extract<Row, { is: K }>

function ValueFields({ row: r, column, onChange }: { row: Of<'in'> | Of<'between'>; column?: Column; onChange: (r: Row) => void }) {
  const { t } = useTranslation('reports')
  const w = useWords()
  const domain = column?.domain ?? []
  const choices = domain.map((v) => ({ id: v, label: valueName(w, r.attribute, v) }))
  const how = r.is === 'between' ? 'between' : r.not ? 'notIn' : 'in'
  const ways = (['in', 'notIn', ...(column?.ordered ? ['between' as const] : [])] as const).map((id) => ({ id, label: t(`where.${id}`) }))
  const bands = choices.filter((c) => c.id !== 'unknown')
  const choose = (k: (typeof ways)[number]['id']) => {
    const at = { id: r.id, attribute: r.attribute }
    if (k === 'between') onChange({ ...at, not: false, is: 'between', from: bands[0]?.id ?? '', to: bands.at(-1)?.id ?? '' })
    else onChange({ ...at, not: k === 'notIn', is: 'in', values: r.is === 'in' ? r.values : [] })
  }
  return (
    <>
      <Select label={t('where.how')} hideLabel value={how} onChange={choose} choices={ways} />
      {r.is === 'in' ? (
        <MultiSelect label={t('where.values')} hideLabel none={t('where.chooseValues')} choices={choices} value={r.values} onChange={(values) => onChange({ ...r, values })} />
      ) : (
        <>
          <Select label={t('where.from')} hideLabel value={r.from} onChange={(from) => onChange({ ...r, from })} choices={bands} />
          <Select label={t('where.to')} hideLabel value={r.to} onChange={(to) => onChange({ ...r, to })} choices={bands} />
        </>
      )}
    </>
  )
}

function EventFields({ row: r, events, onChange }: { row: Of<'event'>; events: string[]; onChange: (r: Row) => void }) {
  const { t } = useTranslation('reports')
  return (
    <>
      <Select label={t('where.category')} hideLabel value={r.category} onChange={(category) => onChange({ ...r, category })} choices={events.map((e) => ({ id: e, label: e }))} />
      <Count label={t('where.days')} value={r.days} most={366} onChange={(days) => onChange({ ...r, days })} />
      <Count label={t('where.times')} value={r.times} most={1000} onChange={(times) => onChange({ ...r, times })} />
      <Select
        label={t('where.how')}
        hideLabel
        value={r.not ? 'not' : 'is'}
        onChange={(k) => onChange({ ...r, not: k === 'not' })}
        choices={(['is', 'not'] as const).map((id) => ({ id, label: t(`where.event.${id}`) }))}
      />
    </>
  )
}

function ListFields({ row: r, lists, onChange }: { row: Of<'list'>; lists: string[]; onChange: (r: Row) => void }) {
  const { t } = useTranslation('reports')
  return (
    <>
      <Select label={t('where.list')} hideLabel value={r.list} onChange={(list) => onChange({ ...r, list })} choices={lists.map((l) => ({ id: l, label: l }))} />
      <Select
        label={t('where.how')}
        hideLabel
        value={r.not ? 'not' : 'is'}
        onChange={(k) => onChange({ ...r, not: k === 'not' })}
        choices={(['is', 'not'] as const).map((id) => ({ id, label: t(`where.member.${id}`) }))}
      />
    </>
  )
}

/** A whole number from 1. */
export function Count({ label, value, most, onChange }: { label: string; value: number; most: number; onChange: (n: number) => void }) {
  return (
    <TextField
      label={label}
      inputMode="numeric"
      value={value ? String(value) : ''}
      onChange={(s) => {
        const n = Number(s.normalize('NFKC').replace(/[^0-9]/g, ''))
        onChange(Math.min(most, n))
      }}
    />
  )
}
