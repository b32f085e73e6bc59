import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { whenExpired } from '../api/client'
import type { Me } from '../api/me'
import { SignInForm } from '../places/door/form'
import { Dialog } from '../ui/dialog'

/** Asks to sign in again, over the page, when a session ended: nothing that was typed
 * is lost, and what was asked goes on. */
export function Expired({ me }: { me: Me }) {
  const { t } = useTranslation('shell')
  const [open, setOpen] = useState(false)
  const waiting = useRef<(() => void)[]>([])
  useEffect(() => {
    whenExpired(() => {
      setOpen(true)
      return new Promise<void>((done) => waiting.current.push(done))
    })
    return () => whenExpired(undefined)
  }, [])
  const signedIn = (who: Me) => {
    if (who.id !== me.id) {
      location.assign('/') // somebody else: nothing of the one before stays
      return
    }
    setOpen(false)
    for (const done of waiting.current.splice(0)) done()
  }
  return (
    <Dialog title={t('expired.title')} isOpen={open}>
      <p>{t('expired.text')}</p>
      <SignInForm email={me.email} onDone={signedIn} />
    </Dialog>
  )
}
