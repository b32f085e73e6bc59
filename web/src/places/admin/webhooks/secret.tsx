import { useTranslation } from 'react-i18next'
import { Copyable } from '../../../ui/copy'
import { Banner } from '../../../ui/state'

/** The secret of a webhook, which is shown once. */
export function OnceSecret({ secret, title }: { secret: string; title: string }) {
  const { t } = useTranslation('admin')
  return (
    <Banner kind="good" title={title} live>
      <p>{t('hook.secretText')}</p>
      <Copyable label={t('hook.secret')} value={secret} />
      <p className="small">{t('hook.secretOnce')}</p>
    </Banner>
  )
}
