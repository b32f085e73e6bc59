import { useTranslation } from 'react-i18next'
import type { ReactNode } from 'react'
import { DeskError, failures, type Failure, type Fault, type Sort } from '../../desk/protocol'
import { Banner } from '../../ui/state'

/** Under which words a fault is told: those of its sort, or of what the page failed by. */
export const wordsOf = (f: Fault): Sort | Failure => failures.find((code) => code === f.code) ?? f.sort ?? 'other'

/** Why a file was refused at the desk: where, what to do, and that nothing left it. */
export function FileRefused({ error, children }: { error: unknown; children?: ReactNode }) {
  const { t } = useTranslation(['lists', 'ui'])
  if (!error) return null
  const f = error instanceof DeskError ? error.fault : { code: 'E_PAGE', field: '', detail: '', mend: '', clause: '' }
  const of = wordsOf(f)
  return (
    <Banner kind="bad" title={t(`fault.${of}.what`)} live>
      <p>{t(`fault.${of}.mend`)}</p>
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
