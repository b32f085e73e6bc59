import { useTranslation } from 'react-i18next'
import { Badge } from '../../ui/state'

export const pieces = ['no_new_privs', 'capabilities', 'network', 'files', 'tcp', 'signals', 'abstract_unix', 'system_calls', 'unix_connect', 'core_limit', 'not_dumpable'] as const

/** What confines the enclave, as receipts say it (confined, unconfined, or without and
 * the pieces that are missing), in words. */
export function Confinement({ short }: { short: string }) {
  const { t, i18n } = useTranslation('admin')
  const name = (p: string) => (i18n.exists(`admin:piece.${p}`) ? t(`piece.${p}` as never) : p)
  if (short === 'confined') return <Badge kind="good">{t('confined.all')}</Badge>
  if (short.startsWith('without ')) {
    const missing = short.slice('without '.length).split(/[ ,]+/).filter(Boolean)
    return <Badge kind="warn">{t('confined.without', { missing: missing.map(name).join(t('people.comma')) })}</Badge>
  }
  return <Badge kind="bad">{t('confined.none')}</Badge>
}
