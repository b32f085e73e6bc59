import { useTranslation } from 'react-i18next'
import { ButtonLink } from '../../ui/button'
import { PageHead } from '../../ui/page'
import { Empty } from '../../ui/state'

/** For who came by an address to what their role may not do. */
export function NotAllowed({ title }: { title: string }) {
  const { t } = useTranslation('admin')
  return (
    <>
      <PageHead title={title} />
      <Empty title={t('notAllowed.title')} action={<ButtonLink to="/">{t('notAllowed.back')}</ButtonLink>}>
        <p>{t('notAllowed.text')}</p>
      </Empty>
    </>
  )
}
