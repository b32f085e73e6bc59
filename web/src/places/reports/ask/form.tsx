import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../../../api/client'
import { Select, type Choice } from '../../../ui/field'
import { MultiSelect } from '../../../ui/multi'
import { Refused } from '../../../ui/state'
import { ButtonLink } from '../../../ui/button'
import { has, useMe } from '../../../api/me'
import { condition } from '../../../report/question'
import { dimName } from '../../../report/names'
import { uploader, type Contract, type Info } from '../../entrustments/contract'
import { useAttributes, useLists, type Column } from '../data'
import { Conditions } from './conditions'
import { Details } from './details'
import { Precision } from './precision'
import { Sentence } from './sentence'
import { hasDims, hasWhere, needsList, ofCampaign, ownDims, whereOf, type Draft } from './question'
import type { Fields } from './row'
import { useWords } from '../../../report/useWords'

type Props = { draft: Draft; contract: Contract; under: Info[]; campaigns: Schemas['Campaign'][]; onChange: (d: Draft) => void; onContract: (id: string) => void }

/** The left side: the question as a sentence with fields, its conditions, what else it has. */
export function QuestionForm({ draft: d, contract: c, under, campaigns, onChange, onContract }: Props) {
  const { t } = useTranslation('reports')
  const attributes = useAttributes(c.id)
  const lists = useLists(c.id)
  const listName = ofCampaign(d.kind) ? campaignList(campaigns.find((m) => m.id === d.campaign)) : d.list
  const list = lists.data?.find((l) => l.name === listName)
  // A column of another's list is known by its name alone: the list's own values are not ours to see.
  const columns: Column[] = listName ? (c.list_columns ?? []).map((name) => list?.columns.find((x) => x.name === name) ?? bare(name)) : []
  const fields: Fields = {
    attributes: attributes.data ?? [],
    columns: columns.filter((x) => x.domain.length > 0),
    events: c.events ?? [],
    lists: (lists.data ?? []).map((l) => l.name).filter((n) => n !== listName),
  }
  const names = lists.data?.map((l) => l.name)
  // The one list that there is needs no choosing.
  useEffect(() => {
    if (names?.length === 1 && !d.list && needsList(d.kind)) onChange({ ...d, list: names[0]! })
  }, [names, d, onChange])
  const dims: Column[] = [...ownDims(d.kind).map(bare), ...fields.attributes, ...columns]
  // What is chosen is seen while its values come.
  for (const name of d.dims) if (name !== 'matched_by' && !dims.some((x) => x.name === name)) dims.push(bare(name))
  return (
    <>
      <Refused error={attributes.error ?? lists.error} again={() => void (attributes.refetch(), lists.refetch())} />
      <section className="panel stack-s" aria-labelledby="question">
        <h2 id="question">{t('form.question')}</h2>
        {under.length > 1 ? (
          <Select label={t('form.entrustment')} help={t('form.entrustmentHelp')} value={c.id} onChange={onContract} choices={under.map((e) => ({ id: e.id, label: e.id }))} />
        ) : (
          <p className="small quiet">{t('form.under', { id: c.id })}</p>
        )}
        <Words draft={d} dims={dims} lists={names} campaigns={campaigns} columns={c.list_columns ?? []} onChange={onChange} />
        {needsList(d.kind) && names?.length === 0 && <NoList contract={c} />}
      </section>
      {hasWhere(d.kind) && (
        <section className="panel stack-s" aria-labelledby="conditions">
          <h2 id="conditions">{t('form.conditions')}</h2>
          {(d.kind === 'lift' || d.kind === 'delivery' || d.kind === 'attribution') && <p className="small quiet">{t('form.partOf')}</p>}
          <Conditions where={d.where} kept={d.kept} fields={fields} onChange={(where) => onChange({ ...d, where })} onDropKept={() => onChange({ ...d, kept: undefined })} />
        </section>
      )}
      <Details draft={d} contract={c} onChange={onChange} />
      <Precision draft={d} onChange={onChange} />
    </>
  )
}

const bare = (name: string): Column => ({ name, domain: [], ordered: false })

const campaignList = (m: Schemas['Campaign'] | undefined) => String((m?.document as { list?: string } | undefined)?.list ?? '')

function Words({ draft: d, dims, lists, campaigns, columns, onChange }: { draft: Draft; dims: Column[]; lists?: string[]; campaigns: Schemas['Campaign'][]; columns: string[]; onChange: (d: Draft) => void }) {
  const { t } = useTranslation('reports')
  const w = useWords()
  const optional = !needsList(d.kind)
  const everybody = '*'
  const listChoices: Choice[] = [...(optional ? [{ id: everybody, label: t('form.everybody') }] : []), ...[...new Set([...(lists ?? []), ...(d.list ? [d.list] : [])])].map((id) => ({ id, label: t('form.list', { name: id }) }))]
  const where = hasWhere(d.kind) ? (d.kept ?? whereOf(d.where)) : undefined
  const choose = (list: string) => {
    const none = list === everybody
    // A column is of a list: without one there is none to count by.
    onChange({ ...d, list: none ? '' : list, dims: none ? d.dims.filter((n) => !columns.includes(n)) : d.dims })
  }
  const slots = {
    list: <Select label={t('form.whichList')} hideLabel value={d.list || (optional ? everybody : null)} onChange={choose} choices={listChoices} />,
    campaign: <Select label={t('form.campaign')} hideLabel value={d.campaign || null} onChange={(campaign) => onChange({ ...d, campaign })} choices={campaigns.map((m) => ({ id: m.id, label: t('form.campaignName', { name: m.id }) }))} />,
    where: <strong>{where ? t('form.those', { what: condition(w, where) }) : t('form.everyone')}</strong>,
    dims: hasDims(d.kind) && (
      <MultiSelect label={t('form.dims')} hideLabel none={t(d.kind === 'profile' || d.kind === 'cube' ? 'form.chooseDims' : 'form.noDims')} choices={dims.map((x) => ({ id: x.name, label: dimName(w, x.name), help: x.domain.length ? t('form.values', { n: x.domain.length }) : undefined }))} value={d.dims} onChange={(v) => onChange({ ...d, dims: v })} />
    ),
    by: (
      <Select
        label={t('form.by')}
        hideLabel
        value={d.dims.includes('matched_by') ? 'kinds' : 'one'}
        onChange={(k) => onChange({ ...d, dims: k === 'kinds' ? ['matched_by'] : [] })}
        choices={(['kinds', 'one'] as const).map((id) => ({ id, label: t(`form.overlap.${id}`) }))}
      />
    ),
  }
  return <Sentence text={t(`sentence.${d.kind}`)} slots={slots} />
}

/** What to do where there is no list to ask about. */
function NoList({ contract: c }: { contract: Contract }) {
  const { t } = useTranslation('reports')
  const me = useMe().data
  const own = me?.party === uploader(c)
  return (
    <p>
      {t(own ? 'form.noList' : 'form.noListOther', { party: uploader(c) })} {own && has(me, 'adops') && <ButtonLink to="~/lists/new">{t('form.toLists')}</ButtonLink>}
    </p>
  )
}
