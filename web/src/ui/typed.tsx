import { useState, type FormEvent, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from './button'
import { Dialog } from './dialog'
import { TextField } from './field'
import { Refused } from './state'

type Act = { isPending: boolean; error: unknown; mutate: () => void; reset: () => void }

/** Before what can't be undone: says what will be gone (children), and does it once
 * the thing's name was typed. */
export function TypedButton({ title, name, button, does, act, children }: { title: string; name: string; button: string; does?: string; act: Act; children: ReactNode }) {
  const { t } = useTranslation('ui')
  const [open, setOpen] = useState(false)
  const [typed, setTyped] = useState('')
  const close = () => {
    setOpen(false)
    setTyped('')
    act.reset()
  }
  const same = typed.trim() === name
  const send = (e: FormEvent) => {
    e.preventDefault()
    if (same && !act.isPending) act.mutate()
  }
  return (
    <>
      <Button kind="danger" onPress={() => setOpen(true)}>
        {button}
      </Button>
      <Dialog title={title} isOpen={open} onClose={close}>
        {children}
        <form className="form" onSubmit={send}>
          <TextField label={t('typeName', { name })} value={typed} onChange={setTyped} autoComplete="off" autoFocus />
          <Refused error={act.error} />
          <div className="row">
            <Button kind="danger" type="submit" isDisabled={!same || act.isPending}>
              {does ?? button}
            </Button>
            <Button onPress={close}>{t('cancel')}</Button>
          </div>
        </form>
      </Dialog>
    </>
  )
}
