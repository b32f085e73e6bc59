import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../../api/client'
import { time } from '../../ui/format'
import { Badge, Load } from '../../ui/state'
import { Table } from '../../ui/table'
import type { Info } from './contract'

const tones = { widens: 'warn', narrows: 'good', either: 'info', neither: undefined } as const

/** The versions of a contract, newest first, each with what it changed. */
export function Versions({ of: e }: { of: Info }) {
  const { t } = useTranslation('entrustments')
  return (
    <section className="stack-s" aria-labelledby="versions">
      <h2 id="versions">{t('versions.title')}</h2>
      {e.versions.map((v, i) => (
        <details key={v.version} className="panel" open={i === 0 && v.version > 1}>
          <summary>
            {t('versions.one', { n: v.version })} <Badge>{t(`state.${v.state}`)}</Badge> <span className="small quiet">{t('versions.at', { at: time(v.at), entry: v.log_entry })}</span>
          </summary>
          {v.version > 1 ? <Changes id={e.id} version={v.version} /> : <p>{t('versions.first')}</p>}
        </details>
      ))}
    </section>
  )
}

function Changes({ id, version }: { id: string; version: number }) {
  const { t, i18n } = useTranslation('entrustments')
  const changes = useQuery({
    queryKey: ['changes', id, version],
    queryFn: () => ask(api.GET('/v1/entrustments/{entrustment}/changes', { params: { path: { entrustment: id }, query: { from: version - 1, to: version } } })),
    staleTime: Infinity,
  })
  return (
    <Load of={changes}>
      {(c) =>
        c.changes.length === 0 ? (
          <p>{t('versions.same')}</p>
        ) : (
          <Table
            label={t('versions.changes', { n: version })}
            rows={c.changes}
            id={(x) => x.path}
            columns={[
              { id: 'text', head: t('versions.what'), header: true, cell: (x) => x.text[i18n.language as 'ja' | 'en'] },
              { id: 'before', head: t('versions.before'), cell: (x) => x.before || '—' },
              { id: 'after', head: t('versions.after'), cell: (x) => x.after || '—' },
              { id: 'effect', head: t('versions.effect'), cell: (x) => <Badge kind={tones[x.effect]}>{t(`effect.${x.effect}`)}</Badge> },
            ]}
          />
        )
      }
    </Load>
  )
}
