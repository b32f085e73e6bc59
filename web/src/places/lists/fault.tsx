import { useTranslation } from 'react-i18next'
import type { ReactNode } from 'react'
import { DeskError, type Fault } from '../../desk/protocol'
import { Banner } from '../../ui/state'

/** What of a file is wrong, by how the check says it: it has sentences, not codes. */
const sorts: [RegExp, string][] = [
  [/header and no rows|has no rows|is empty|no rows/, 'noRows'],
  [/hash doesn't show its kind/, 'hashKind'],
  [/first line holds an identifier|look like a header/, 'noHeader'],
  [/no column holds an identifier/, 'noIdentifier'],
  [/password/, 'locked'],
  [/quote that opens/, 'quote'],
  [/row is over|more than \d+ cells|more than \d+ columns/, 'longRow'],
  [/UTF-16|UTF-32/, 'encoding'],
  [/unpacks to|archive holds|only one packing|window over/, 'archive'],
  [/hidden/, 'hidden'],
  [/has this name/, 'repeated'],
  [/looks like a name/, 'direct'],
  [/column has no name/, 'unnamed'],
  [/not declared|doesn't have it/, 'columns'],
  [/cut short|damaged|can't be read|don't add up|doesn't say where|over \d+ MiB|more than \d+ texts/, 'damaged'],
  [/^the file is |not read/, 'format'],
]

const own = ['E_NO_ROOM', 'E_FILE_GONE', 'E_ABORTED', 'E_WORKER', 'E_PAGE']

export function sortOf(f: Fault): string {
  if (own.includes(f.code)) return f.code
  if (f.code === 'E_SEAL') return f.code
  return sorts.find(([is]) => is.test(f.detail))?.[1] ?? 'other'
}

/** Why a file was refused at the desk: where, what to do, and that nothing left it. */
export function FileRefused({ error, children }: { error: unknown; children?: ReactNode }) {
  const { t } = useTranslation(['lists', 'ui'])
  if (!error) return null
  const f = error instanceof DeskError ? error.fault : { code: 'E_PAGE', field: '', detail: '', mend: '', clause: '' }
  const sort = sortOf(f)
  return (
    <Banner kind="bad" title={t(`fault.${sort}.what` as 'fault.other.what')} live>
      <p>{t(`fault.${sort}.mend` as 'fault.other.mend')}</p>
      <p>{t('fault.kept')}</p>
      {f.detail && (
        <details>
          <summary>{t('ui:details')}</summary>
          <dl className="facts small">
            <dt>{t('ui:code')}</dt>
            <dd className="mono">{f.code}</dd>
            {f.field && (
              <>
                <dt>{t('ui:where')}</dt>
                <dd className="mono">{f.field}</dd>
              </>
            )}
            <dt>{t('fault.says')}</dt>
            <dd lang="en">
              {f.detail}
              {f.mend && ` — ${f.mend}`}
            </dd>
          </dl>
        </details>
      )}
      {children}
    </Banner>
  )
}
