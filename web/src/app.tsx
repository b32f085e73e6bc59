import { lazy, Suspense, useEffect, type ComponentType, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Redirect, Route, Switch, useLocation } from 'wouter'
import { I18nProvider } from 'react-aria-components/I18nProvider'
import { followSession, useMe, type Me as Who } from './api/me'
import { Door } from './shell/door'
import { Shell } from './shell/shell'
import { NotFound, NotYours } from './shell/notfound'
import { mayBeAt, type Place } from './shell/places'
import { Load, Skeleton } from './ui/state'

const Home = lazy(() => import('./places/home'))
const Entrustments = lazy(() => import('./places/entrustments'))
const Lists = lazy(() => import('./places/lists'))
const Reports = lazy(() => import('./places/reports'))
const Admin = lazy(() => import('./places/admin'))
const Me = lazy(() => import('./places/me'))
const Notices = lazy(() => import('./places/notices'))
const Help = lazy(() => import('./places/help'))
const SignIn = lazy(() => import('./places/door/signin'))
const Invitation = lazy(() => import('./places/door/invitation'))

/** Places that somebody may not have: asked for all the same, they say so. */
const places: [Place['name'], ComponentType][] = [
  ['entrustments', Entrustments],
  ['lists', Lists],
  ['reports', Reports],
  ['admin', Admin],
]

export function App() {
  const { i18n } = useTranslation()
  const me = useMe()
  const [path] = useLocation()
  useEffect(followSession, [])
  return (
    <I18nProvider locale={i18n.language === 'ja' ? 'ja-JP' : 'en-GB'}>
      {path === '/invitation' ? (
        <Door>
          <Invitation />
        </Door>
      ) : (
        <Known of={me}>
          {(who) =>
            who === null ? (
              <Door>
                <SignIn />
              </Door>
            ) : (
              <Shell key={who.id} me={who}>
                <Suspense fallback={<Skeleton />}>
                  <Switch>
                    <Route path="/" component={Home} />
                    <Route path="/sign-in">
                      <Redirect to="/" replace />
                    </Route>
                    {places.map(([name, component]) => (
                      <Route key={name} path={`/${name}`} component={mayBeAt(who, name) ? component : NotYours} nest />
                    ))}
                    <Route path="/me" component={Me} nest />
                    <Route path="/notices" component={Notices} />
                    <Route path="/help" component={Help} />
                    <Route component={NotFound} />
                  </Switch>
                </Suspense>
              </Shell>
            )
          }
        </Known>
      )}
    </I18nProvider>
  )
}

/** Who is there; what fails before that is known is told at the door. */
function Known({ of, children }: { of: ReturnType<typeof useMe>; children: (who: Who | null) => ReactNode }) {
  if (of.data === undefined && of.error)
    return (
      <Door>
        <Load of={of}>{children}</Load>
      </Door>
    )
  return <Load of={of}>{children}</Load>
}
