import { useTranslation } from 'react-i18next'
import type { Me } from '../../api/me'
import { TokenPages } from '../me/tokens/pages'
import { usePeople } from './ask'

/** API tokens of all people of the party. */
export function PartyTokens({ me }: { me: Me }) {
  const { t } = useTranslation('admin')
  const people = usePeople().data
  const who = (id: string) => (id === me.id ? me.name : (people?.find((p) => p.id === id)?.name ?? t('tokens.somebody')))
  return <TokenPages me={me} who={who} words={{ name: t('tokens.name'), lead: t('tokens.lead'), make: t('tokens.make'), makeLead: t('tokens.makeLead') }} />
}
