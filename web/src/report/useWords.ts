import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { Words } from './names'

/** The words of a report, in the language that is spoken. */
export function useWords(): Words {
  const { t, i18n } = useTranslation('report')
  const lang = i18n.language === 'en' ? 'en' : 'ja'
  return useMemo(() => ({ lang, t: (key, options) => String(t(key as never, options as never)), has: (key) => i18n.exists(`report:${key}`) }), [lang, t, i18n])
}
