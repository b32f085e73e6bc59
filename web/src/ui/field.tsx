import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Checkbox as AriaCheckbox, type CheckboxProps } from 'react-aria-components/Checkbox'
import { FieldError } from 'react-aria-components/FieldError'
import { Input } from 'react-aria-components/Input'
import { Label } from 'react-aria-components/Label'
import { ListBox, ListBoxItem } from 'react-aria-components/ListBox'
import { Popover } from 'react-aria-components/Popover'
import { RadioGroup, Radio } from 'react-aria-components/RadioGroup'
import { Select as AriaSelect, SelectValue } from 'react-aria-components/Select'
import { Text } from 'react-aria-components/Text'
import { TextArea } from 'react-aria-components/TextArea'
import { TextField as AriaTextField, type TextFieldProps } from 'react-aria-components/TextField'
import { Button as AriaButton } from 'react-aria-components/Button'

type Words = { label: string; help?: ReactNode; error?: string }

function Required() {
  const { t } = useTranslation('ui')
  return <span className="required">{t('required')}</span>
}

/** One line of text, or several. */
export function TextField({ label, help, error, lines, placeholder, ...props }: TextFieldProps & Words & { lines?: number; placeholder?: string }) {
  return (
    <AriaTextField {...props} className="field" isInvalid={!!error || props.isInvalid} validationBehavior="aria">
      <Label>
        {label}
        {props.isRequired && <Required />}
      </Label>
      {help && (
        <Text slot="description" className="help">
          {help}
        </Text>
      )}
      {lines ? <TextArea rows={lines} placeholder={placeholder} /> : <Input placeholder={placeholder} />}
      <FieldError>{error}</FieldError>
    </AriaTextField>
  )
}

export type Choice<K extends string = string> = { id: K; label: string; help?: string }

/** One of several. One of none can't be opened, and shows it: there are none, or they have
 * not come yet. */
export function Select<K extends string>({
  label,
  help,
  error,
  choices,
  value,
  onChange,
  isRequired,
  isDisabled,
  hideLabel,
}: Words & { choices: Choice<K>[]; value: K | null; onChange: (k: K) => void; isRequired?: boolean; isDisabled?: boolean; hideLabel?: boolean }) {
  const { t } = useTranslation('ui')
  return (
    <AriaSelect
      className="react-aria-Select field"
      value={value}
      onChange={(k) => k !== null && onChange(String(k) as K)}
      isInvalid={!!error}
      isDisabled={isDisabled || choices.length === 0}
      placeholder={t('choose')}
      validationBehavior="aria"
      aria-label={hideLabel ? label : undefined}
    >
      {!hideLabel && (
        <Label>
          {label}
          {isRequired && <Required />}
        </Label>
      )}
      {help && (
        <Text slot="description" className="help">
          {help}
        </Text>
      )}
      <AriaButton>
        {/* The label alone: what is seen is what it is called. */}
        <SelectValue>{({ isPlaceholder, defaultChildren, selectedText }) => (isPlaceholder ? defaultChildren : selectedText)}</SelectValue>
        <span aria-hidden="true">▾</span>
      </AriaButton>
      <FieldError>{error}</FieldError>
      <Popover>
        <ListBox items={choices}>
          {(c) => (
            <ListBoxItem id={c.id} textValue={c.label}>
              <div>{c.label}</div>
              {c.help && <div className="small quiet">{c.help}</div>}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </AriaSelect>
  )
}

/** One of a few, all seen. */
export function Radios<K extends string>({ label, help, error, choices, value, onChange, isDisabled }: Words & { choices: Choice<K>[]; value: K | null; onChange: (k: K) => void; isDisabled?: boolean }) {
  return (
    <RadioGroup className="field" value={value} onChange={(k) => onChange(k as K)} isDisabled={isDisabled} isInvalid={!!error} validationBehavior="aria">
      <Label>{label}</Label>
      {help && (
        <Text slot="description" className="help">
          {help}
        </Text>
      )}
      {choices.map((c) => (
        <Radio key={c.id} value={c.id}>
          <span className="box" aria-hidden="true" />
          <span>
            {c.label}
            {c.help && <span className="small quiet"> {c.help}</span>}
          </span>
        </Radio>
      ))}
      <FieldError>{error}</FieldError>
    </RadioGroup>
  )
}

export function Checkbox({ children, ...props }: Omit<CheckboxProps, 'children'> & { children: ReactNode }) {
  return (
    <AriaCheckbox {...props}>
      {({ isSelected, isIndeterminate }) => (
        <>
          <span className="box" aria-hidden="true">
            {isIndeterminate ? '–' : isSelected ? '✓' : ''}
          </span>
          <span>{children}</span>
        </>
      )}
    </AriaCheckbox>
  )
}
