import { Route, Switch } from 'wouter'
import type { Me } from '../../../api/me'
import { NotFound } from '../../../shell/notfound'
import { ButtonLink } from '../../../ui/button'
import { PageHead } from '../../../ui/page'
import { TokenTable } from '.'
import { MakeToken } from './make'

/** What the place that shows tokens says of them. */
export type TokenWords = { name: string; lead: string; make: string; makeLead: string }

/** /tokens of a place: tokens, one's own or, with who, the party's; and making one. */
export function TokenPages({ me, words: w, who }: { me: Me; words: TokenWords; who?: (person: string) => string }) {
  return (
    <Switch>
      <Route path="/tokens">
        <PageHead
          title={w.name}
          lead={w.lead}
          action={
            <ButtonLink kind="primary" to="/tokens/new">
              {w.make}
            </ButtonLink>
          }
        />
        <TokenTable me={me} who={who} makeAt="/tokens/new" />
      </Route>
      <Route path="/tokens/new">
        <PageHead title={w.make} lead={w.makeLead} crumbs={[['/tokens', w.name]]} />
        <MakeToken me={me} back="/tokens" />
      </Route>
      <Route component={NotFound} />
    </Switch>
  )
}
