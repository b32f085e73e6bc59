import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from '../../../ui/button'
import { TextField } from '../../../ui/field'
import { Refused } from '../../../ui/state'
import { KindsField, type Kind } from './kinds'

export type HookFields = { url: string; description: string; kinds: Kind[] }

/** Where a webhook goes and what it is told of. */
export function HookForm({ is, button, busy, error, onSend, secondary }: { is: HookFields; button: string; busy: boolean; error: unknown; onSend: (f: HookFields) => void; secondary?: boolean }) {
  const { t } = useTranslation('admin')
  const [url, setUrl] = useState(is.url)
  const [description, setDescription] = useState(is.description)
  const [kinds, setKinds] = useState(is.kinds)
  const [some, setSome] = useState(is.kinds.length > 0)
  const send = (e: FormEvent) => {
    e.preventDefault()
    onSend({ url: url.trim(), description: description.trim(), kinds: some ? kinds : [] })
  }
  return (
    <form className="form" onSubmit={send}>
      <TextField label={t('hook.url')} help={t('hook.urlHelp')} value={url} onChange={setUrl} isRequired maxLength={2048} autoComplete="off" inputMode="url" placeholder="https://hooks.example.jp/awase" />
      <TextField label={t('hook.description')} help={t('hook.descriptionHelp')} value={description} onChange={setDescription} maxLength={200} autoComplete="off" />
      <KindsField value={kinds} onChange={setKinds} some={some} onSome={setSome} />
      <Refused error={error} as={{ 'E_SPEC url': { what: t('refused.url.what'), mend: t('refused.url.mend') } }} />
      <div>
        <Button kind={secondary ? 'normal' : 'primary'} type="submit" isDisabled={busy || !url.trim() || (some && kinds.length === 0)}>
          {button}
        </Button>
      </div>
    </form>
  )
}
