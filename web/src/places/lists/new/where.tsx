import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Change } from '../../../desk/protocol'
import { Radios, Select, TextField } from '../../../ui/field'
import { day, number } from '../../../ui/format'
import { Refused } from '../../../ui/state'
import { useAttributeName } from '../attributes'
import { newest, useLists, type Contract, type Taker } from '../data'
import type { Where } from './index'

const another = '+'
const name = /^[a-z0-9][a-z0-9._-]{0,63}$/

type First = { entrustment: string | null; list: string | null; change: string | null }

/** Step 1: under which entrustment, as which list, and what becomes of the one before. */
export function WhereStep({ takers, first, onChange }: { takers: Taker[]; first: First; onChange: (w: Where | undefined) => void }) {
  const { t } = useTranslation('lists')
  const attribute = useAttributeName()
  const [id, setId] = useState<string | null>(takers.find((e) => e.id === first.entrustment)?.id ?? (takers.length === 1 ? takers[0]!.id : null))
  const [chosen, setChosen] = useState<string | null>(first.list)
  const [fresh, setFresh] = useState(first.list ?? '')
  const [change, setChange] = useState<'replace' | 'add' | 'remove'>(first.change === 'add' || first.change === 'remove' ? first.change : 'replace')
  const taker = takers.find((e) => e.id === id)
  const lists = useLists(taker?.id)
  const there = lists.data ?? []
  // A list that is asked for and not there is a new one, whose sending was cut.
  const missing = chosen !== null && !there.some((l) => l.name === chosen)
  const picked = lists.data && (there.length === 0 || missing) ? another : chosen
  const list = there.find((l) => l.name === picked)
  const isNew = picked === another
  const taken = isNew && there.some((l) => l.name === fresh)
  const good = isNew ? name.test(fresh) && !taken : !!list
  useEffect(() => {
    if (!taker || !good) return onChange(undefined)
    const last = list && newest(list)
    onChange({
      taker,
      list: list?.name ?? fresh,
      isNew,
      change: isNew || change === 'replace' ? '' : (change as Change),
      rowsBefore: last?.rows,
      columnsBefore: (last?.columns ?? []).map((c) => ({ name: c.name, domain: c.domain })),
    })
    // The rows of a list that is looked at again are the same ones.
  }, [taker?.id, good, list?.name, fresh, isNew, change, list?.versions.length])
  return (
    <div className="form wide">
      <Select
        label={t('where.entrustment')}
        help={t('where.entrustmentHelp')}
        value={id}
        onChange={(k) => {
          setId(k)
          setChosen(null)
        }}
        choices={takers.map((e) => ({ id: e.id, label: e.id, help: t(`purpose.${e.contract.purpose}`) }))}
        isRequired
      />
      {taker && <p>{termsOf(taker.contract, t, attribute)}</p>}
      <Refused error={lists.error} again={() => void lists.refetch()} />
      {taker && there.length > 0 && (
        <Select
          label={t('where.list')}
          value={picked}
          onChange={(k) => {
            setChosen(k)
            setFresh('')
          }}
          choices={[
            { id: another, label: t('where.another'), help: t('where.anotherHelp') },
            ...there.map((l) => ({ id: l.name, label: l.name, help: t('where.there', { version: newest(l)?.version ?? 0, rows: number(newest(l)?.rows ?? 0) }) })),
          ]}
          isRequired
        />
      )}
      {taker && isNew && (
        <TextField
          label={t('where.name')}
          help={t('where.nameHelp')}
          value={fresh}
          onChange={setFresh}
          isRequired
          maxLength={64}
          autoComplete="off"
          error={fresh === '' ? undefined : taken ? t('where.nameTaken') : name.test(fresh) ? undefined : t('where.nameWrong')}
        />
      )}
      {list && (
        <Radios
          label={t('where.change')}
          value={change}
          onChange={setChange}
          choices={(['replace', 'add', 'remove'] as const).map((c) => ({ id: c, label: t(`where.${c}`), help: t(`where.${c}Help`) }))}
        />
      )}
    </div>
  )
}

type T = ReturnType<typeof useTranslation<'lists'>>['t']

/** The terms in one sentence: what for, what may be in it, how long it is kept. */
export function termsOf(c: Contract, t: T, attribute: (name: string) => string): string {
  const words = (ids: string[]) => ids.map((k) => t(`kind.${k}` as 'kind.email', { defaultValue: k })).join(t('comma'))
  return t(c.list_columns?.length ? 'where.termsWith' : 'where.terms', {
    purpose: t(`purpose.${c.purpose}`),
    identifiers: words(c.identifiers),
    columns: (c.list_columns ?? []).map(attribute).join(t('comma')),
    days: String(c.retention.lists ?? '').replace(/d$/, ''),
    until: day(c.until),
  })
}
