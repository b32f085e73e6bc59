import { useTranslation } from 'react-i18next'
import { CheckboxGroup } from 'react-aria-components/CheckboxGroup'
import { Label } from 'react-aria-components/Label'
import { Checkbox, Radios } from '../../../ui/field'
import type { Schemas } from '../../../api/client'

export type Kind = Schemas['EventKind']

/** What a webhook can be told of; a test goes to each, whatever it chose. */
export const kinds: Exclude<Kind, 'webhook.test'>[] = [
  'report.ready', 'job.done', 'job.failed', 'draft.waits', 'schedule.paused', 'upload.expired', 'upload.lost', 'data.expires',
  'contract.expires', 'contract.ends', 'delivery.ready', 'delivery.failed', 'campaign.small', 'freeze', 'unfreeze', 'webhook.disabled',
]

/** Which events: all (none named), or those chosen. */
export function KindsField({ value, onChange, some, onSome }: { value: Kind[]; onChange: (k: Kind[]) => void; some: boolean; onSome: (some: boolean) => void }) {
  const { t } = useTranslation('admin')
  return (
    <>
      <Radios
        label={t('hook.kinds')}
        help={t('hook.kindsHelp')}
        value={some ? 'some' : 'all'}
        onChange={(v) => onSome(v === 'some')}
        choices={[
          { id: 'all', label: t('hook.all') },
          { id: 'some', label: t('hook.some') },
        ]}
      />
      {some && (
        <CheckboxGroup className="field" value={value} onChange={(v) => onChange(kinds.filter((k) => v.includes(k)))}>
          <Label>{t('hook.which')}</Label>
          <div>
            {kinds.map((k) => (
              <Checkbox key={k} value={k}>
                {t(`event.${word(k)}`)} <span className="small quiet mono">{k}</span>
              </Checkbox>
            ))}
          </div>
        </CheckboxGroup>
      )}
    </>
  )
}

/** A kind as a key of the words: a point there leads deeper. */
export const word = <K extends Kind>(k: K) => k.replace('.', '_') as K extends `${infer A}.${infer B}` ? `${A}_${B}` : K
