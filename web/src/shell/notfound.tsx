import { useTranslation } from 'react-i18next'
import { ButtonLink } from '../ui/button'
import { PageHead } from '../ui/page'
import { Empty } from '../ui/state'

export const NotFound = () => <Nothing says="notFound" />

/** A place that is not for one's role: nothing was asked of the room. */
export const NotYours = () => <Nothing says="notYours" />

function Nothing({ says }: { says: 'notFound' | 'notYours' }) {
  const { t } = useTranslation('shell')
  return (
    <>
      <PageHead title={t(`${says}.title`)} />
      <Empty title={t(`${says}.what`)} action={<ButtonLink to="~/">{t('notFound.home')}</ButtonLink>}>
        <p>{t(`${says}.text`)}</p>
      </Empty>
    </>
  )
}
