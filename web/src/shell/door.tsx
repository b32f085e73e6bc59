import { Suspense, type ReactNode } from 'react'
import { LanguageSwitch } from './settings'
import { Mark } from './brand'

/** What stands before the room: sign in, an invitation. */
export function Door({ children }: { children: ReactNode }) {
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
        <Suspense>{children}</Suspense>
      </div>
    </main>
  )
}
