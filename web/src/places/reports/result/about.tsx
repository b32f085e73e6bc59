import { factsOf, parametersOf } from '../../../report/facts'
import type { Words } from '../../../report/names'
import type { Release } from '../../../report/release'

/** "About these numbers": in plain words; the parameters for who asks for them. */
export function About({ words: w, release: r }: { words: Words; release: Release }) {
  return (
    <section className="panel">
      <h2>{w.t('about.title')}</h2>
      <dl className="facts">
        {factsOf(w, r).map((f) => (
          <div key={f.name} style={{ display: 'contents' }}>
            <dt>{f.name}</dt>
            <dd>{f.text}</dd>
          </div>
        ))}
      </dl>
      <details>
        <summary>{w.t('about.details')}</summary>
        <dl className="facts small">
          {parametersOf(w, r).map((p) => (
            <div key={p.sign} style={{ display: 'contents' }}>
              <dt>
                {p.sign} {p.means}
              </dt>
              <dd className="mono">{p.value}</dd>
            </div>
          ))}
        </dl>
        <h3 className="small">{w.t('page.question')}</h3>
        <pre className="result-question mono" tabIndex={0}>
          {JSON.stringify(r.question, null, 2)}
        </pre>
      </details>
    </section>
  )
}
