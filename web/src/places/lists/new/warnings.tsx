import { useTranslation } from 'react-i18next'
import type { Preview } from '../../../desk/protocol'
import { kinds, type Allowed, type Choice } from '../../../desk/schema'
import { number } from '../../../ui/format'
import { Banner } from '../../../ui/state'

/** What to know of the columns before anything is sent. */
export function Warnings({ preview, choices, may }: { preview: Preview; choices: Choice[]; may: Allowed }) {
  const { t } = useTranslation('lists')
  const out: string[] = []
  let hashed = false
  preview.columns.forEach((c, i) => {
    const is = choices[i]
    const id = kinds.some((k) => k === is?.use)
    const column = c.name || t('columns.noName', { n: c.position })
    if (id && c.spoilt > 0) out.push(t('warning.spoilt', { column, n: number(c.spoilt), of: number(c.filled) }))
    if (id && c.hashed > 0) hashed = true
    if (id && c.hashed > 0 && c.hashed + c.spoilt < c.filled) out.push(t('warning.mixed', { column }))
    if (is?.use === 'consent' && c.yes_no < c.filled) out.push(t('warning.consent', { column, n: number(c.filled - c.yes_no), of: number(c.filled) }))
    if (is?.use === 'drop' && c.name === '' && c.filled > 0) out.push(t('warning.unnamed', { n: c.position }))
    if (is?.use === 'drop' && kinds.some((k) => k === c.use) && !may.identifiers.includes(c.use)) out.push(t('warning.notAllowed', { column, kind: t(`kind.${c.use}` as 'kind.email') }))
  })
  if (hashed) out.push(t('warning.hashes'))
  if (out.length === 0) return null
  return (
    <Banner kind="warn" title={t('warning.title')}>
      <ul>
        {out.map((w) => (
          <li key={w}>{w}</li>
        ))}
      </ul>
    </Banner>
  )
}
