import { useState, type FormEvent } from 'react'
import { Button } from '../../../ui/button'
import { TextField } from '../../../ui/field'
import type { Words } from '../../../report/names'
import { isKey } from '../../../report/verify/verify'
import { forgetPin, keepGiven, originOf, type Pin } from '../../../report/verify/pin'

/** Where somebody puts the key that they got by another way. */
export function KeyForm({ words: w, pin, again }: { words: Words; pin: Pin | undefined; again: () => void }) {
  const [line, set] = useState('')
  const [bad, setBad] = useState(false)
  const use = async (e: FormEvent) => {
    e.preventDefault()
    // The module reads it as awase verify does: what it can't read is no key.
    if (!originOf(line) || !(await isKey(line))) return setBad(true)
    keepGiven(localStorage, line, new Date())
    set('')
    again()
  }
  if (pin?.given)
    return (
      <div>
        <Button
          onPress={() => {
            forgetPin(localStorage)
            again()
          }}
        >
          {w.t('receipt.forget')}
        </Button>
      </div>
    )
  return (
    <form className="stack-s" onSubmit={(e) => void use(e)}>
      <TextField
        label={w.t('receipt.paste')}
        help={w.t('receipt.pasteHelp')}
        value={line}
        onChange={(v) => {
          set(v)
          setBad(false)
        }}
        error={bad ? w.t('receipt.badKey') : undefined}
      />
      <div>
        <Button type="submit">{w.t('receipt.use')}</Button>
      </div>
    </form>
  )
}
