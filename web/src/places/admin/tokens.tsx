import { useTranslation } from 'react-i18next'
import { Route, Switch } from 'wouter'
import type { Me } from '../../api/me'
import { ButtonLink } from '../../ui/button'
import { PageHead } from '../../ui/page'
import { TokenTable } from '../me/tokens'
import { MakeToken } from '../me/tokens/make'
import { usePeople } from './ask'

/** API tokens of all people of the party. */
export function PartyTokens({ me }: { me: Me }) {
  const { t } = useTranslation('admin')
  const people = usePeople().data
  const who = (id: string) => (id === me.id ? me.name : (people?.find((p) => p.id === id)?.name ?? t('tokens.somebody')))
  return (
    <Switch>
      <Route path="/tokens/new">
        <PageHead title={t('tokens.make')} lead={t('tokens.makeLead')} crumbs={[['/tokens', t('tokens.name')]]} />
        <MakeToken me={me} back="/tokens" />
      </Route>
      <Route>
        <PageHead
          title={t('tokens.name')}
          lead={t('tokens.lead')}
          action={
            <ButtonLink kind="primary" to="/tokens/new">
              {t('tokens.make')}
            </ButtonLink>
          }
        />
        <TokenTable me={me} who={who} makeAt="/tokens/new" />
      </Route>
    </Switch>
  )
}
