import { Route, Switch } from 'wouter'
import Compare from './result/compare'
import Result from './result'
export default function R() { return <Switch><Route path="/compare" component={Compare} /><Route path="/:report" component={Result} /></Switch> }
