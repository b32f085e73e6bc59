import { useTranslation } from 'react-i18next'
import { useRoom } from '../../api/me'
import { Banner } from '../../ui/state'

/** Before the key ceremony the room takes nothing; undefined while it is not known. */
export const useInitialised = () => useRoom().data?.initialised

/** Says that the key ceremony is to be held, and how. */
export function Ceremony() {
  const { t } = useTranslation('admin')
  return (
    <Banner kind="warn" title={t('warn.ceremony')}>
      <p>{t('warn.ceremonyText')}</p>
    </Banner>
  )
}
