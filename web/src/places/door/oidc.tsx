import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Banner } from '../../ui/state'

const known = ['email', 'issuer', 'request'] as const

/** Why the company's provider did not sign somebody in: the room sends them back here
 * with a word behind the #, which is taken out of the address once it is read. */
export function OidcRefused() {
  const { t } = useTranslation('door')
  const [field] = useState(() => /^#oidc-(\w{1,32})$/.exec(location.hash)?.[1])
  useEffect(() => {
    if (field) history.replaceState(null, '', '/sign-in')
  }, [field])
  if (!field) return null
  const why = known.find((k) => k === field) ?? 'other'
  return (
    <Banner kind="bad" title={t('oidcRefused.title')} live>
      <p>{t(`oidcRefused.${why}`)}</p>
    </Banner>
  )
}
