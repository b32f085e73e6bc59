import type { Me } from '../../api/me'
import { useTranslation } from 'react-i18next'
import { PageHead } from '../../ui/page'
import { Empty } from '../../ui/state'
import { Factor } from './factor'
import { Password } from './password'

/** Password and second factor. */
export function Security({ me }: { me: Me }) {
  const { t } = useTranslation('me')
  return (
    <>
      <PageHead title={t('security.name')} lead={t('security.lead')} />
      {me.password ? (
        <>
          <Factor me={me} />
          <Password me={me} />
        </>
      ) : (
        <Empty title={t('security.provider')}>
          <p>{t('security.providerText')}</p>
        </Empty>
      )}
    </>
  )
}
