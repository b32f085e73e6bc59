import { useTranslation } from 'react-i18next'
import { ButtonLink } from '../ui/button'
import { PageHead } from '../ui/page'
import { Empty } from '../ui/state'

export function NotFound() {
  const { t } = useTranslation('shell')
  return (
    <>
      <PageHead title={t('notFound.title')} />
      <Empty title={t('notFound.what')} action={<ButtonLink to="/">{t('notFound.home')}</ButtonLink>}>
        <p>{t('notFound.text')}</p>
      </Empty>
    </>
  )
}
