import { useCallback, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { whenExpired } from '../api/client'
import { useWays, whoCame, type Me } from '../api/me'
import { whenSomebodyComes } from '../api/whose'
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
  const signedIn = useCallback(
    (who: Me) => {
      if (who.id !== me.id) {
        location.assign('/') // somebody else: nothing of the one before stays
        return
      }
      setOpen(false)
      for (const done of waiting.current.splice(0)) done()
    },
    [me.id],
  )
  return (
    <Dialog title={t('expired.title')} isOpen={open}>
      <p>{t('expired.text')}</p>
      <Again me={me} onDone={signedIn} />
    </Dialog>
  )
}

/** The ways in that this person has. The company's provider asks for the whole tab, and
 * this one holds what was typed: it is asked in another. Who signed in in any tab is in. */
function Again({ me, onDone }: { me: Me; onDone: (who: Me) => void }) {
  const { t } = useTranslation('shell')
  const oidc = useWays().data?.oidc
  useEffect(() => {
    const look = () => void whoCame().then((who) => who && onDone(who), () => {}) // asked again with the next
    const end = whenSomebodyComes(look)
    window.addEventListener('focus', look)
    return () => {
      end()
      window.removeEventListener('focus', look)
    }
  }, [onDone])
  return (
    <>
      {(me.password || oidc === false) && <SignInForm email={me.email} onDone={onDone} />}
      {oidc && (
        <div className="stack-s">
          <p>{t('expired.oidcText')}</p>
          <p>
            <a className="button" data-kind={me.password ? 'normal' : 'primary'} href="/v1/oidc/start" target="_blank" rel="noopener">
              {t('expired.oidc')}
            </a>
          </p>
        </div>
      )}
    </>
  )
}
