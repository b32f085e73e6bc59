import { useTranslation } from 'react-i18next'
import { Route, Switch } from 'wouter'
import { useMe, type Me } from '../../api/me'
import { NotFound } from '../../shell/notfound'
import { SubNav } from '../../ui/subnav'
import './me.css'
import { NoticeSettings } from './notices'
import { Profile } from './profile'
import { Security } from './security'
import { Sessions } from './sessions'
import { TokenPages } from './tokens/pages'

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
        <Route path="/tokens/*?">
          <TokenPages me={me} words={{ name: t('tokens.name'), lead: t('tokens.lead'), make: t('tokens.make'), makeLead: t('tokens.makeLead') }} />
        </Route>
        <Route path="/notices" component={NoticeSettings} />
        <Route component={NotFound} />
      </Switch>
    </>
  )
}
