import { useTranslation } from 'react-i18next'
import { Button } from '../../../ui/button'
import { TextField } from '../../../ui/field'
import type { Officer } from './document'

/** Who signs for a party: a short name and a key each. */
export function OfficersField({ value, onChange, asked }: { value: Officer[]; onChange: (o: Officer[]) => void; asked: boolean }) {
  const { t } = useTranslation('admin')
  const put = (i: number, o: Partial<Officer>) => onChange(value.map((was, n) => (n === i ? { ...was, ...o } : was)))
  return (
    <fieldset className="officers">
      <legend className="label">{t('party.officers')}</legend>
      <p className="small quiet">{t(asked ? 'party.officersHelp' : 'party.officersDev')}</p>
      {value.map((o, i) => (
        <div key={i} className="panel stack-s">
          <TextField label={t('party.officer')} help={t('party.officerHelp')} value={o.name} onChange={(name) => put(i, { name })} maxLength={64} autoComplete="off" />
          <TextField label={t('party.key')} help={t('party.keyHelp')} value={o.key} onChange={(key) => put(i, { key })} autoComplete="off" />
          {o.key.startsWith('passkey:') && <TextField label={t('party.origin')} help={t('party.originHelp')} value={o.origin} onChange={(origin) => put(i, { origin })} autoComplete="off" />}
          <div>
            <Button onPress={() => onChange(value.filter((_, n) => n !== i))} aria-label={t('party.officerOff', { name: o.name || String(i + 1) })}>
              {t('party.off')}
            </Button>
          </div>
        </div>
      ))}
      <div>
        <Button isDisabled={value.length >= 32} onPress={() => onChange([...value, { name: '', key: '', origin: '' }])}>
          {t('party.officerAdd')}
        </Button>
      </div>
    </fieldset>
  )
}
