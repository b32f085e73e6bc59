import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

/** One of the four steps; the next opens as the last is done. summary: what it came to, in
 * place of it once that stands. */
export function Step({ n, title, open, done, summary, children }: { n: number; title: string; open: boolean; done: boolean; summary?: string; children: ReactNode }) {
  const { t } = useTranslation('lists')
  return (
    <section className="panel step" aria-labelledby={`step-${n}`} data-open={open}>
      <h2 id={`step-${n}`} tabIndex={-1}>
        <span className="step-n" aria-hidden="true" data-done={done}>
          {done ? '✓' : n}
        </span>
        <span className="unseen">{t('new.step', { n })} </span>
        {title}
        {done && <span className="unseen"> {t('new.done')}</span>}
      </h2>
      {summary !== undefined ? <p className="quiet">{summary}</p> : open ? children : <p className="quiet">{t('new.later')}</p>}
    </section>
  )
}
