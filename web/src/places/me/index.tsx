import { useTranslation } from 'react-i18next'
import { Route, Switch } from 'wouter'
import { useMe, type Me } from '../../api/me'
import { NotFound } from '../../shell/notfound'
import { ButtonLink } from '../../ui/button'
import { PageHead } from '../../ui/page'
import { SubNav } from '../../ui/subnav'
import './me.css'
import { NoticeSettings } from './notices'
import { Profile } from './profile'
import { Security } from './security'
import { Sessions } from './sessions'
import { TokenTable } from './tokens'
import { MakeToken } from './tokens/make'

const sections = ['profile', 'security', 'sessions', 'tokens', 'notices'] as const
const at = (s: (typeof sections)[number]) => (s === 'profile' ? '/' : `/${s}`)

/** One's own account. */
export default function Account() {
  const me = useMe().data
  return me ? <Sections me={me} /> : null
}

function Sections({ me }: { me: Me }) {
  const { t } = useTranslation('me')
  return (
    <>
      <SubNav label={t('title')} items={sections.map((s) => ({ to: at(s), text: t(`${s}.name`) }))} />
      <Switch>
        <Route path="/">
          <Profile me={me} />
        </Route>
        <Route path="/security">
          <Security me={me} />
        </Route>
        <Route path="/sessions" component={Sessions} />
        <Route path="/tokens">
          <PageHead
            title={t('tokens.name')}
            lead={t('tokens.lead')}
            action={
              <ButtonLink kind="primary" to="/tokens/new">
                {t('tokens.make')}
              </ButtonLink>
            }
          />
          <TokenTable me={me} makeAt="/tokens/new" />
        </Route>
        <Route path="/tokens/new">
          <PageHead title={t('tokens.make')} lead={t('tokens.makeLead')} crumbs={[['/tokens', t('tokens.name')]]} />
          <MakeToken me={me} back="/tokens" />
        </Route>
        <Route path="/notices" component={NoticeSettings} />
        <Route component={NotFound} />
      </Switch>
    </>
  )
}
