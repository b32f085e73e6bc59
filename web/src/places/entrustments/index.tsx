import { lazy, Suspense } from 'react'
import { Route, Switch } from 'wouter'
import { NotFound } from '../../shell/notfound'
import { Skeleton } from '../../ui/state'

const All = lazy(() => import('./list'))
const One = lazy(() => import('./one'))

/** Entrustments: the contracts that the party is in. */
export default function Place() {
  return (
    <Suspense fallback={<Skeleton />}>
      <Switch>
        <Route path="/" component={All} />
        <Route path="/:id">{(p) => <One key={p.id} id={p.id} />}</Route>
        <Route component={NotFound} />
      </Switch>
    </Suspense>
  )
}
