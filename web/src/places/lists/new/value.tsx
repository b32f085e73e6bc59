import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import type { Desk } from '../../../desk/desk'
import type { Form, Found, Kind, Options } from '../../../desk/protocol'
import { Button } from '../../../ui/button'
import { Select, TextField } from '../../../ui/field'
import { number } from '../../../ui/format'
import { Table } from '../../../ui/table'
import { FileRefused } from '../fault'

/** One value as it is typed: its normal form, the hash that each destination would
 * use, and whether the first rows hold it. It leaves neither the screen nor the tab. */
export function OneValue({ desk, file, options, looked }: { desk: Desk; file: File; options: Options; looked: number }) {
  const { t } = useTranslation('lists')
  const [value, setValue] = useState('')
  const [kind, setKind] = useState<Kind | 'any'>('any')
  const [found, setFound] = useState<Found>()
  const [error, setError] = useState<unknown>()
  const look = async (e: FormEvent) => {
    e.preventDefault()
    setError(undefined)
    try {
      setFound(await desk.find(file, options, value, kind === 'any' ? undefined : kind))
    } catch (err) {
      setFound(undefined)
      setError(err)
    }
  }
  return (
    <details className="one-value">
      <summary>{t('value.title')}</summary>
      <form className="form" onSubmit={(e) => void look(e)}>
        <TextField label={t('value.label')} help={t('value.help')} value={value} onChange={setValue} autoComplete="off" spellCheck="false" />
        <Select<Kind | 'any'> label={t('value.kind')} value={kind} onChange={setKind} choices={(['any', 'email', 'phone', 'maid'] as const).map((id) => ({ id, label: id === 'any' ? t('value.any') : t(`kind.${id}`) }))} />
        <div>
          <Button type="submit" isDisabled={value.trim() === ''}>
            {t('value.check')}
          </Button>
        </div>
      </form>
      <FileRefused error={error} />
      {found && (
        <div className="stack-s" role="status">
          {found.kind === '' ? <p>{t('value.unknown')}</p> : <Where found={found} looked={looked} />}
          {found.forms && <Forms forms={found.forms} />}
        </div>
      )}
    </details>
  )
}

function Where({ found, looked }: { found: Found; looked: number }) {
  const { t } = useTranslation('lists')
  if (found.total === 0) return <p>{t('value.absent', { rows: number(looked) })}</p>
  return (
    <>
      <p>
        <strong>{t('value.present', { rows: number(looked), n: number(found.total) })}</strong>
      </p>
      <ul>
        {found.rows?.map((r) => (
          <li key={`${r.row} ${r.column}`}>{t(r.form === 'raw' ? 'value.raw' : 'value.hashed', { row: number(r.row), column: r.column, profiles: r.form.replace('hash of ', '') })}</li>
        ))}
      </ul>
    </>
  )
}

function Forms({ forms }: { forms: Form[] }) {
  const { t, i18n } = useTranslation('lists')
  const why = (f: Form) => (i18n.exists(`lists:reason.${f.reason}.0`) ? t(`reason.${f.reason}.0` as 'reason.other.0') : t('reason.other.0'))
  return (
    <Table
      label={t('value.forms')}
      rows={forms}
      id={(f) => f.profile}
      columns={[
        { id: 'profile', head: t('value.profile'), header: true, cell: (f) => f.profile },
        { id: 'text', head: t('value.normal'), cell: (f) => (f.text === undefined ? t('value.cannot', { why: why(f) }) : <span className="mono">{f.text}</span>) },
        { id: 'hash', head: t('value.hash'), cell: (f) => <span className="mono hash">{f.hash ?? '—'}</span> },
      ]}
    />
  )
}
