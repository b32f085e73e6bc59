import { Suspense, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Banner } from '../ui/state'
import { LanguageSwitch } from './settings'
import { Mark } from './brand'

/** What stands before the room: sign in, an invitation. */
export function Door({ children }: { children: ReactNode }) {
  const { t } = useTranslation('shell')
  return (
    <main className="door">
      <div className="door-box">
        <div className="row between">
          <span className="brand">
            <Mark />
            Awase
          </span>
          <LanguageSwitch />
        </div>
        {!isSecureContext && (
          <Banner kind="warn" title={t('insecure.title')}>
            <p>{t('insecure.text')}</p>
          </Banner>
        )}
        <Suspense>{children}</Suspense>
      </div>
    </main>
  )
}
