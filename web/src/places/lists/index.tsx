import '../../styles/lists.css'
import { Route, Switch } from 'wouter'
import { NotFound } from '../../shell/notfound'
import { Lists } from './lists'
import { OneList } from './one'
import { NewList } from './new'

/** Lists: all of them, a new one, one with its versions. */
export default function ListsPlace() {
  return (
    <Switch>
      <Route path="/" component={Lists} />
      <Route path="/new" component={NewList} />
      <Route path="/:entrustment/:list">{(p) => <OneList entrustment={p.entrustment} list={p.list} />}</Route>
      <Route component={NotFound} />
    </Switch>
  )
}
