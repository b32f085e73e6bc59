import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from './button'
import { TextField } from './field'

/** Puts text where it can be pasted from; false where the browser does not let it. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false // no clipboard without https, or it was forbidden
  }
}

/** Copies text, and says so. */
export function CopyButton({ text, label }: { text: string; label?: string }) {
  const { t } = useTranslation('ui')
  const [said, say] = useState<'copied' | 'copyYourself'>()
  return (
    <span className="row">
      <Button onPress={() => void copy(text).then((did) => say(did ? 'copied' : 'copyYourself'))}>{label ?? t('copy')}</Button>
      <span role="status" className="small quiet">
        {said && t(said)}
      </span>
    </span>
  )
}

/** One line to take along: it can be selected, and copied with a button. */
export function Copyable({ label, help, value }: { label: string; help?: string; value: string }) {
  const field = useRef<HTMLDivElement>(null)
  return (
    <div className="stack-s" ref={field} style={{ maxWidth: 720 }}>
      <TextField label={label} help={help} value={value} isReadOnly onFocus={() => field.current?.querySelector('input')?.select()} />
      <CopyButton text={value} />
    </div>
  )
}
