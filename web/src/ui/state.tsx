// The states that every list, chart and form has.
import { useEffect, useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Refusal } from '../api/client'
import { Button } from './button'

type Tone = 'info' | 'good' | 'warn' | 'bad'

/** A message: what happened, where, what was kept, what to do. */
export function Banner({ kind = 'info', title, children, live }: { kind?: Tone; title?: string; children?: ReactNode; live?: boolean }) {
  return (
    <div className="banner" data-kind={kind} role={live ? (kind === 'bad' ? 'alert' : 'status') : undefined}>
      {title && <p className="title">{title}</p>}
      {children}
    </div>
  )
}

export function Badge({ kind, children }: { kind?: Tone; children: ReactNode }) {
  return (
    <span className="badge" data-kind={kind}>
      {children}
    </span>
  )
}

/** Nothing is there yet: says why, and what comes next, with a button. */
export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
      {action}
    </div>
  )
}

/** The shape of what is coming, after 300 ms. */
export function Skeleton({ lines = 4 }: { lines?: number }) {
  const { t } = useTranslation('ui')
  const [seen, show] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => show(true), 300)
    return () => clearTimeout(timer)
  }, [])
  if (!seen) return null
  return (
    <div className="skeleton" role="status" aria-label={t('loading')}>
      {Array.from({ length: lines }, (_, i) => (
        <span key={i} style={{ width: `${95 - ((i * 17) % 40)}%` }} />
      ))}
    </div>
  )
}

/** What a place says of a refusal itself, by code and field, as `E_CONFLICT email`. */
export type Cases = Record<string, { what: string; mend: string }>

/** Why it was refused, or what is broken: the sentence for the code in the page's
 * language, what the room said of this case, the clause, the request's id. */
export function Refused({ error, again, as }: { error: unknown; again?: () => void; as?: Cases }) {
  const { t, i18n } = useTranslation(['refusals', 'ui'])
  if (!error) return null
  const refusal = error instanceof Refusal ? error : undefined
  const code = refusal?.code ?? 'E_PAGE'
  const known = i18n.exists(`refusals:${code}.what`)
  const p = refusal?.problem
  const here = p && as?.[`${p.code} ${p.field ?? ''}`]
  return (
    <Banner kind="bad" title={here?.what ?? t(`refusals:${known ? code : 'E_OTHER'}.what` as never)} live>
      <p>{here?.mend ?? t(`refusals:${known ? code : 'E_OTHER'}.mend` as never)}</p>
      {refusal && refusal.retryAfter > 0 && <p>{t('ui:retryAfter', { seconds: refusal.retryAfter })}</p>}
      {p && (p.detail || p.instance) && (
        <details>
          <summary>{t('ui:details')}</summary>
          <dl className="facts small">
            <dt>{t('ui:code')}</dt>
            <dd className="mono">{p.code}</dd>
            {p.field && (
              <>
                <dt>{t('ui:where')}</dt>
                <dd className="mono">{p.field}</dd>
              </>
            )}
            {p.detail && (
              <>
                <dt>{t('ui:roomSays')}</dt>
                <dd lang="en">
                  {p.detail}
                  {p.mend && ` — ${p.mend}`}
                </dd>
              </>
            )}
            {(p.clause || p.contract) && (
              <>
                <dt>{t('ui:clause')}</dt>
                <dd lang="en">{p.contract ? `${p.contract.id} v${p.contract.version}: ${p.contract.clause}` : p.clause}</dd>
              </>
            )}
            {refusal.request && (
              <>
                <dt>{t('ui:request')}</dt>
                <dd className="mono">{refusal.request}</dd>
              </>
            )}
          </dl>
        </details>
      )}
      {again && (
        <div>
          <Button onPress={again}>{t('ui:again')}</Button>
        </div>
      )}
    </Banner>
  )
}

type Result<T> = { data: T | undefined; error: unknown; isPending: boolean; refetch?: () => unknown }

/** Shows what a query gave, or its state. */
export function Load<T>({ of, lines, children }: { of: Result<T>; lines?: number; children: (data: T) => ReactNode }) {
  if (of.data !== undefined) return <>{children(of.data)}</>
  if (of.error) return <Refused error={of.error} again={of.refetch && (() => void of.refetch?.())} />
  return <Skeleton lines={lines} />
}
