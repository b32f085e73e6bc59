import { useTranslation } from 'react-i18next'
import { Button as AriaButton } from 'react-aria-components/Button'
import { Label } from 'react-aria-components/Label'
import { ListBox, ListBoxItem } from 'react-aria-components/ListBox'
import { Popover } from 'react-aria-components/Popover'
import { Select as AriaSelect, SelectValue } from 'react-aria-components/Select'
import { Text } from 'react-aria-components/Text'
import type { Choice } from './field'

/** Several of several: what is chosen stands in the button, in the order of the choices. */
export function MultiSelect({
  label,
  help,
  choices,
  value,
  onChange,
  hideLabel,
  none,
}: {
  label: string
  help?: string
  choices: Choice[]
  value: string[]
  onChange: (v: string[]) => void
  hideLabel?: boolean
  /** What stands there while nothing is chosen. */
  none?: string
}) {
  const { t, i18n } = useTranslation('ui')
  const chosen = choices.filter((c) => value.includes(c.id))
  return (
    <AriaSelect
      className="react-aria-Select field"
      selectionMode="multiple"
      value={value}
      onChange={(keys) => {
        const now = new Set(keys.map(String))
        onChange(choices.filter((c) => now.has(c.id)).map((c) => c.id))
      }}
      isDisabled={choices.length === 0}
      placeholder={none ?? t('choose')}
      aria-label={hideLabel ? label : undefined}
    >
      {!hideLabel && <Label>{label}</Label>}
      {help && (
        <Text slot="description" className="help">
          {help}
        </Text>
      )}
      <AriaButton>
        <SelectValue>{() => (chosen.length ? chosen.map((c) => c.label).join(i18n.language === 'ja' ? '・' : ', ') : (none ?? t('choose')))}</SelectValue>
        <span aria-hidden="true">▾</span>
      </AriaButton>
      <Popover>
        <ListBox items={choices}>
          {(c) => (
            <ListBoxItem id={c.id} textValue={c.label}>
              {({ isSelected }) => (
                <div className="row">
                  <span className="box" data-on={isSelected || undefined} aria-hidden="true">
                    {isSelected ? '✓' : ''}
                  </span>
                  <span>
                    {c.label}
                    {c.help && <span className="small quiet"> {c.help}</span>}
                  </span>
                </div>
              )}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </AriaSelect>
  )
}
