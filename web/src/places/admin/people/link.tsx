import { useTranslation } from 'react-i18next'
import { Copyable } from '../../../ui/copy'
import { time } from '../../../ui/format'
import { Banner } from '../../../ui/state'
import { inviteLink, type Invitation } from '../ask'

/** A link that was just made: it is shown once. */
export function OnceLink({ of, kind }: { of: Invitation; kind: 'invited' | 'reset' }) {
  const { t } = useTranslation('admin')
  return (
    <Banner kind="good" title={t(`link.${kind}`, { name: of.name })} live>
      <p>{t(`link.${kind}Text`, { email: of.email })}</p>
      <Copyable label={t('link.label')} value={inviteLink(of.token ?? '')} />
      <p className="small">{t('link.once', { ends: time(of.ends) })}</p>
    </Banner>
  )
}
