import { useTranslation } from 'react-i18next'
import type { Change, ColumnReport, Preview, PreviewColumn, Report } from '../../../desk/protocol'
import { asValue, unlisted } from '../../../desk/propose'
import { sentAs, type Allowed, type Choice, type How, type Lack, type Use } from '../../../desk/schema'
import { Select, TextField } from '../../../ui/field'
import { Table } from '../../../ui/table'
import { useAttributeName } from '../attributes'
import { Health } from '../health'

type Props = {
  preview: Preview
  choices: Choice[]
  may: Allowed
  change: Change
  missing: { lack: Lack; column: number }[]
  report?: Report
  onChange: (c: Choice[]) => void
}

/** The columns: name, three masked samples, what it is, what is sent, health. */
export function ColumnTable({ preview, choices, may, change, missing, report, onChange }: Props) {
  const { t } = useTranslation('lists')
  const set = (i: number, by: Partial<Choice>) => onChange(choices.map((c, k) => (k === i ? { ...c, ...by } : c)))
  const rows = preview.columns.map((column, i) => ({ column, i, is: choices[i] ?? { use: 'drop' as Use } }))
  return (
    <Table
      label={t('columns.table')}
      id={(r) => String(r.i)}
      rows={rows}
      columns={[
        { id: 'name', head: t('columns.header'), header: true, cell: (r) => r.column.name || t('columns.noName', { n: r.column.position }) },
        { id: 'samples', head: t('columns.samples'), cell: (r) => <Samples column={r.column} /> },
        {
          id: 'use',
          head: t('columns.use'),
          cell: (r) => <UseCell column={r.column} is={r.is} may={may} lack={missing.find((m) => m.column === r.i)?.lack} onChange={(by) => set(r.i, by)} />,
        },
        { id: 'sent', head: t('columns.sent'), cell: (r) => t(`sent.${sentAs(r.column, r.is, change)}`) },
        { id: 'health', head: t('columns.health'), cell: (r) => <Health of={healthOf(r.column, r.is, report)} unlisted={unlisted(r.column, r.is)} /> },
      ]}
    />
  )
}

/** What the check found in a column; of two of one name, it is told of both together. */
const healthOf = (c: PreviewColumn, is: Choice, report?: Report): ColumnReport | undefined =>
  is.use === 'drop' || is.use === 'open' ? undefined : report?.columns.find((r) => r.column === c.name)

function Samples({ column }: { column: PreviewColumn }) {
  const { t } = useTranslation('lists')
  if (!column.samples?.length) return <span className="quiet">{column.filled === 0 ? t('columns.empty') : t('columns.notShown')}</span>
  return (
    <ul className="samples">
      {column.samples.map((s, i) => (
        <li key={i} className="mono">
          {s}
        </li>
      ))}
    </ul>
  )
}

function UseCell({ column, is, may, lack, onChange }: { column: PreviewColumn; is: Choice; may: Allowed; lack?: Lack; onChange: (c: Partial<Choice>) => void }) {
  const { t } = useTranslation('lists')
  const attribute = useAttributeName()
  const uses: Use[] = [...(may.identifiers as Use[]), ...(may.columns.length > 0 ? (['value'] as const) : []), 'consent', ...(may.delivers ? (['key'] as const) : []), 'drop']
  if (is.use === 'open') uses.unshift('open')
  return (
    <div className="stack-s use">
      <Select<Use>
        hideLabel
        label={t('columns.useOf', { column: column.name || t('columns.noName', { n: column.position }) })}
        value={is.use}
        onChange={(use) => onChange({ ...(use === 'value' ? asValue(column, may, nameFor(column, is, may)) : { use }), ground: undefined })}
        choices={uses.map((u) => ({ id: u, label: t(`use.${u}`), help: u === 'open' ? undefined : t(`use.${u}Help`) }))}
        error={lack ? t(`lack.${lack}`) : undefined}
      />
      <span className="small quiet">{t(`ground.${is.ground ?? column.ground}` as 'ground.named', { attribute: attribute(column.suggested ?? '') })}</span>
      {is.use === 'value' && <ValueFields column={column} is={is} may={may} onChange={onChange} />}
      {is.use === 'cookie' && <TextField label={t('columns.namespace')} help={t('columns.namespaceHelp')} value={is.namespace ?? ''} onChange={(namespace) => onChange({ namespace })} />}
    </div>
  )
}

/** The attribute that a column is most likely to be. */
const nameFor = (c: PreviewColumn, is: Choice, may: Allowed) => is.name ?? may.columns.find((n) => n === c.suggested) ?? may.columns[0]

const ways: How[] = ['values', 'prefecture', 'region', 'birth_date', 'age']

function ValueFields({ column, is, may, onChange }: { column: PreviewColumn; is: Choice; may: Allowed; onChange: (c: Partial<Choice>) => void }) {
  const { t } = useTranslation('lists')
  const how = is.how ?? 'values'
  const attribute = useAttributeName()
  return (
    <>
      <Select label={t('columns.attribute')} value={is.name ?? null} onChange={(name) => onChange({ ...asValue(column, may, name), ground: undefined })} choices={may.columns.map((id) => ({ id, label: attribute(id) }))} />
      <Select<How> label={t('columns.how')} value={how} onChange={(h) => onChange({ how: h })} choices={ways.map((id) => ({ id, label: t(`how.${id}`) }))} />
      {how === 'values' && (
        <TextField
          label={t('columns.values')}
          help={t('columns.valuesHelp')}
          lines={3}
          value={(is.values ?? column.values ?? []).join('\n')}
          onChange={(text) => onChange({ values: text.split(/[\n、,]/).map((v) => v.trim()).filter((v, i, all) => v !== '' && all.indexOf(v) === i) })}
        />
      )}
    </>
  )
}
