import { useTranslation } from 'react-i18next'
import './admin.css'
import { Route, Switch } from 'wouter'
import { useMe, type Me } from '../../api/me'
import { NotFound } from '../../shell/notfound'
import { SubNav } from '../../ui/subnav'
import { Attestation } from './attestation'
import { Health } from './health'
import { sectionsOf } from './may'
import { Overview } from './overview'
import { Parties } from './parties'
import { PartyForm } from './parties/form'
import { Party } from './parties/one'
import { People } from './people'
import { Invite } from './people/invite'
import { Person } from './people/one'
import { PartyTokens } from './tokens'
import { Webhooks } from './webhooks'
import { NewWebhook } from './webhooks/new'
import { Webhook } from './webhooks/one'

/** The administration: what somebody may not see or do is not offered. */
export default function Admin() {
  const me = useMe().data
  return me ? <Sections me={me} /> : null
}

function Sections({ me }: { me: Me }) {
  const { t } = useTranslation('admin')
  const sections = sectionsOf(me)
  const on = (s: (typeof sections)[number]) => sections.includes(s)
  return (
    <>
      <SubNav label={t('title')} items={[{ to: '/', text: t('overview.name') }, ...sections.map((s) => ({ to: `/${s}`, text: t(`${s}.name`) }))]} />
      <Switch>
        <Route path="/">
          <Overview me={me} />
        </Route>
        <Route path="/parties">
          <Parties me={me} />
        </Route>
        <Route path="/parties/new">
          <PartyForm me={me} />
        </Route>
        <Route path="/parties/:id">{(p) => <Party me={me} id={p.id} />}</Route>
        <Route path="/parties/:id/change">{(p) => <PartyForm me={me} id={p.id} />}</Route>
        {on('people') && (
          <Route path="/people">
            <People me={me} />
          </Route>
        )}
        {on('people') && (
          <Route path="/people/invite">
            <Invite me={me} />
          </Route>
        )}
        {on('people') && <Route path="/people/:id">{(p) => <Person key={p.id} me={me} id={p.id} />}</Route>}
        {on('tokens') && (
          <Route path="/tokens/*?">
            <PartyTokens me={me} />
          </Route>
        )}
        {on('webhooks') && (
          <Route path="/webhooks">
            <Webhooks me={me} />
          </Route>
        )}
        {on('webhooks') && (
          <Route path="/webhooks/new">
            <NewWebhook me={me} />
          </Route>
        )}
        {on('webhooks') && <Route path="/webhooks/:id">{(p) => <Webhook key={p.id} me={me} id={p.id} />}</Route>}
        <Route path="/health" component={Health} />
        <Route path="/attestation" component={Attestation} />
        <Route component={NotFound} />
      </Switch>
    </>
  )
}
