import { lazy, Suspense } from 'react'
import { Route, Switch } from 'wouter'
import { NotFound } from '../../shell/notfound'
import { Skeleton } from '../../ui/state'

const Reports = lazy(() => import('./list'))
const Gallery = lazy(() => import('./ask/gallery'))
const Builder = lazy(() => import('./ask/builder'))
const Schedules = lazy(() => import('./schedules'))
const NewSchedule = lazy(() => import('./schedules/new'))
const Compare = lazy(() => import('./result/compare'))
const Result = lazy(() => import('./result'))

/** Reports: those that there are, asking, results, schedules. */
export default function Place() {
  return (
    <Suspense fallback={<Skeleton />}>
      <Switch>
        <Route path="/" component={Reports} />
        <Route path="/ask" component={Gallery} />
        <Route path="/ask/:kind">{(p) => <Builder key={p.kind} standard={p.kind} />}</Route>
        <Route path="/schedules" component={Schedules} />
        <Route path="/schedules/new" component={NewSchedule} />
        <Route path="/compare" component={Compare} />
        <Route path="/:report">{(p) => (/^(rep|job)-/.test(p.report) ? <Result /> : <NotFound />)}</Route>
        <Route component={NotFound} />
      </Switch>
    </Suspense>
  )
}
