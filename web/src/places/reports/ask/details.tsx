import { useTranslation } from 'react-i18next'
import { Checkbox, Select, TextField } from '../../../ui/field'
import { MultiSelect } from '../../../ui/multi'
import { dimName, measureName, valueName } from '../../../report/names'
import type { Contract } from '../../entrustments/contract'
import { Count } from './row'
import { hasTotal, measuresOf, ofCampaign, readsEvents, type Draft, type Item, type Model } from './question'
import { useWords } from '../../../report/useWords'

type Props = { draft: Draft; contract: Contract; onChange: (d: Draft) => void }

const onEvents = (items: Item[]): boolean => items.some((i) => (i.is === 'group' ? onEvents(i.rows) : i.is === 'event'))

/** What is counted, of which events and days, and what is bought beside it. */
export function Details({ draft: d, contract: c, onChange }: Props) {
  const { t } = useTranslation('reports')
  const events = readsEvents(d.kind)
  const days = events || onEvents(d.where.items)
  const readers = c.recipients.length > 1
  if (!events && !days && !hasTotal(d.kind) && !readers) return null
  return (
    <section className="panel stack-s" aria-labelledby="details">
      <h2 id="details">{t('details.title')}</h2>
      {events && <EventDetails draft={d} contract={c} onChange={onChange} />}
      {days && <Days draft={d} onChange={onChange} />}
      {d.kind === 'attribution' && <CreditFields draft={d} onChange={onChange} />}
      {hasTotal(d.kind) && (
        <Checkbox isSelected={d.total} onChange={(total) => onChange({ ...d, total })}>
          {t('details.total')} <span className="small quiet">{t('details.totalHelp')}</span>
        </Checkbox>
      )}
      {d.kind === 'profile' && (
        <Checkbox isSelected={d.index} onChange={(index) => onChange({ ...d, index })}>
          {t('details.index')} <span className="small quiet">{t('details.indexHelp')}</span>
        </Checkbox>
      )}
      {readers && (
        <Select
          label={t('details.recipient')}
          help={t('details.recipientHelp')}
          value={d.recipient || 'usual'}
          onChange={(k) => onChange({ ...d, recipient: k === 'usual' ? '' : k })}
          choices={[{ id: 'usual', label: t('details.recipientUsual') }, ...c.recipients.map((id) => ({ id, label: id }))]}
        />
      )}
    </section>
  )
}

function EventDetails({ draft: d, contract: c, onChange }: Props) {
  const { t } = useTranslation('reports')
  const w = useWords()
  const measures = measuresOf(d.kind)
  return (
    <>
      {measures.length > 0 && d.kind !== 'attribution' && (
        <MultiSelect label={t('details.measures')} help={t('details.measuresHelp')} none={t('details.usersAlone')} choices={measures.map((id) => ({ id, label: measureName(w, id) }))} value={d.measures} onChange={(v) => onChange({ ...d, measures: v })} />
      )}
      <MultiSelect
        label={t('details.categories')}
        help={t(ofCampaign(d.kind) ? 'details.categoriesOfCampaign' : 'details.categoriesHelp')}
        none={t('details.allCategories')}
        choices={(c.events ?? []).map((id) => ({ id, label: valueName(w, dimName(w, 'category'), id) }))}
        value={d.categories}
        onChange={(v) => onChange({ ...d, categories: v })}
      />
    </>
  )
}

function Days({ draft: d, onChange }: Omit<Props, 'contract'>) {
  const { t } = useTranslation('reports')
  const wrong = !!d.from !== !!d.to || (d.from !== '' && d.to !== '' && d.from > d.to)
  return (
    <fieldset className="plain stack-s">
      <legend className="label">{t('details.window')}</legend>
      <p className="small quiet">{t(ofCampaign(d.kind) ? 'details.windowOfCampaign' : 'details.windowHelp')}</p>
      <div className="row">
        <TextField label={t('details.from')} type="date" value={d.from} onChange={(from) => onChange({ ...d, from })} />
        <TextField label={t('details.to')} type="date" value={d.to} onChange={(to) => onChange({ ...d, to })} />
      </div>
      {wrong && <p className="small warnings">{t('details.windowWrong')}</p>}
    </fieldset>
  )
}

const models: Model[] = ['last-touch', 'first-last', 'even', 'time-decay']

function CreditFields({ draft: d, onChange }: Omit<Props, 'contract'>) {
  const { t } = useTranslation('reports')
  const put = (part: Partial<Draft['credit']>) => onChange({ ...d, credit: { ...d.credit, ...part } })
  return (
    <>
      <Select<Model> label={t('credit.model')} value={d.credit.model} onChange={(model) => put({ model })} choices={models.map((id) => ({ id, label: t(`credit.${id}`) }))} />
      <div className="row">
        <Count label={t('credit.click')} value={d.credit.click} most={90} onChange={(click) => put({ click })} />
        <Count label={t('credit.view')} value={d.credit.view} most={90} onChange={(view) => put({ view })} />
        {d.credit.model === 'time-decay' && <Count label={t('credit.half')} value={d.credit.half} most={90} onChange={(half) => put({ half })} />}
      </div>
    </>
  )
}
