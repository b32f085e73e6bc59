import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { day } from '../../ui/format'
import { Facts } from '../../ui/page'
import { dimName, reportName } from '../../report/names'
import { useWords } from '../../report/useWords'
import { flowOf, partiesOf, uploader, type Basis, type Contract, type Country } from './contract'

/** The terms in words: what for, whose data, on which ground, what may be read, what may
 * leave, to whom, and how long it is kept. */
export function Terms({ of: c, me }: { of: Contract; me: string }) {
  const { t } = useTranslation('entrustments')
  const w = useWords()
  const comma = t('comma')
  const list = (names: string[] | undefined, word: (n: string) => string = (n) => n) => (names?.length ? names.map(word).join(comma) : t('nothing'))
  const kinds = (names: string[] | undefined) => list(names, (n) => (w.has(`value.matched_by.${n}`) ? w.t(`value.matched_by.${n}`) : n))
  const days = (d: string | undefined) => (d ? t('days', { n: d.replace('d', '') }) : t('nothing'))
  return (
    <>
      <p className="summary">{t(`summary.${c.flow}`, { principal: c.principal, trustee: c.trustee, uploader: uploader(c), purpose: t(`purpose.${c.purpose}`) })}</p>
      <div className="twocols">
        <section className="panel stack-s" aria-labelledby="who">
          <h2 id="who">{t('who')}</h2>
          <Facts
            rows={[
              [t('principal'), <Party key="p" id={c.principal} me={me} />],
              [t('trustee'), <Party key="t" id={c.trustee} me={me} />],
              [t('uploads'), uploader(c)],
              [t('recipients'), list(c.recipients)],
              ...(c.sub_trustees?.length ? [[t('sub'), list(c.sub_trustees.map((s) => s.party))] as [string, string]] : []),
              [t('countries'), <Countries key="c" of={c} />],
            ]}
          />
        </section>
        <section className="panel stack-s" aria-labelledby="why">
          <h2 id="why">{t('why')}</h2>
          <Facts
            rows={[
              [t('purposeIs'), t(`purpose.${c.purpose}`)],
              [t('daysAre'), t('fromTo', { from: day(c.from), to: day(c.until) })],
              ...c.basis.map((b): [string, ReactNode] => [t('basisOf', { party: b.party }), <BasisText key={b.party} of={b} />]),
              ...(c.service ? [[t('service'), c.service] as [string, string]] : []),
            ]}
          />
        </section>
        <section className="panel stack-s" aria-labelledby="what">
          <h2 id="what">{t('what')}</h2>
          <Facts
            rows={[
              [t('identifiers'), kinds(c.identifiers)],
              [t('attributes'), list(c.attributes, (n) => dimName(w, n))],
              [t('columns'), list(c.list_columns, (n) => dimName(w, n))],
              [t('events'), list(c.events)],
            ]}
          />
        </section>
        <section className="panel stack-s" aria-labelledby="out">
          <h2 id="out">{t('out')}</h2>
          <Facts
            rows={[
              [t('outputs'), list(c.outputs, (n) => reportName(w, n))],
              ...(c.deliver_attributes || flowOf(c).endsWith('delivery')
                ? ([
                    [t('deliverAttributes'), list(c.deliver_attributes, (n) => dimName(w, n))],
                    [t('deliverIdentifiers'), kinds(c.deliver_identifiers)],
                  ] as [string, string][])
                : []),
              [t('kept.lists'), days(c.retention.lists)],
              [t('kept.events'), days(c.retention.events)],
              [t('kept.reports'), days(c.retention.reports)],
              ...(c.retention.deliveries ? [[t('kept.deliveries'), days(c.retention.deliveries)] as [string, string]] : []),
            ]}
          />
          <p className="small quiet">{t('neverRows', { n: partiesOf(c).length })}</p>
        </section>
      </div>
    </>
  )
}

function Party({ id, me }: { id: string; me: string }) {
  const { t } = useTranslation('entrustments')
  return <>{id === me ? t('you', { id }) : id}</>
}

function BasisText({ of: b }: { of: Basis }) {
  const { t } = useTranslation('entrustments')
  return (
    <>
      {t(`basis.${b.code}`, { defaultValue: b.code })}
      {b.policy && <div className="small quiet">{t('policy', { version: b.policy, clauses: (b.clauses ?? []).join(t('comma')) })}</div>}
      {b.scope && <div className="small quiet">{b.scope}</div>}
      {b.until && <div className="small quiet">{t('basisUntil', { day: day(b.until) })}</div>}
      {b.evidence && (
        <details className="small">
          <summary>{t('evidenceHash')}</summary>
          <code>{b.evidence}</code>
        </details>
      )}
    </>
  )
}

function Countries({ of: c }: { of: Contract }) {
  const { t, i18n } = useTranslation('entrustments')
  const names = new Intl.DisplayNames(i18n.language === 'ja' ? 'ja-JP' : 'en-GB', { type: 'region' })
  return (
    <>
      {Object.entries(c.countries).map(([party, v]) => {
        const at: Country = typeof v === 'string' ? { country: v } : v
        return (
          <div key={party}>
            {t('country', { party, country: names.of(at.country) ?? at.country })}
            {at.ground && <span className="small quiet"> {t(`ground.${at.ground}`, { defaultValue: at.ground })}</span>}
          </div>
        )
      })}
    </>
  )
}
