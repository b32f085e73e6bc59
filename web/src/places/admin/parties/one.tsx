import type { ReactNode } from 'react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../../../api/client'
import type { Me } from '../../../api/me'
import { ButtonLink } from '../../../ui/button'
import { number, time } from '../../../ui/format'
import { Facts, PageHead } from '../../../ui/page'
import { Load } from '../../../ui/state'
import { Table } from '../../../ui/table'
import { useDrafts, type PartyInfo } from '../ask'
import { runsRoom, seesDrafts } from '../may'
import { FirstAdmin } from './first'
import { ofParty, Waits } from './waits'

/** One party as it stands, and what of it waits for signatures. */
export function Party({ me, id }: { me: Me; id: string }) {
  const { t } = useTranslation('admin')
  const party = useQuery({ queryKey: ['parties', id], queryFn: () => ask(api.GET('/v1/parties/{party}', { params: { path: { party: id } } })) })
  const drafts = useDrafts(seesDrafts(me)).data?.filter((d) => ofParty(d) && d.statement.id === id) ?? []
  return (
    <Load of={party}>
      {(p) => (
        <>
          <PageHead
            title={p.party.id}
            lead={t(`class.${p.party.class}`)}
            crumbs={[['/parties', t('parties.name')]]}
            action={
              runsRoom(me) && (
                <ButtonLink kind="primary" to={`/parties/${id}/change`}>
                  {t('parties.change')}
                </ButtonLink>
              )
            }
          />
          {drafts.map((d) => (
            <Waits key={d.hash} draft={d} me={me} />
          ))}
          <What of={p} />
          <Officers of={p} />
          {runsRoom(me) && p.party.class !== 'operator' && <FirstAdmin party={id} />}
        </>
      )}
    </Load>
  )
}

function What({ of: p }: { of: PartyInfo }) {
  const { t } = useTranslation('admin')
  const key = (fingerprint: string | undefined) => (fingerprint ? <span className="mono">{fingerprint}</span> : t('party.noKey'))
  return (
    <div className="panel">
      <Facts
        rows={[
          [t('party.class'), t(`class.${p.party.class}`)],
          [t('party.group'), p.party.group],
          [t('party.country'), p.party.country],
          [t('party.uploadKey'), p.party.upload_key ? <span className="mono">{p.party.upload_key}</span> : t('party.noUploadKey')],
          [t('party.deliveryKey'), key(p.delivery_fingerprint)],
          ...(p.party.class === 'ad-platform' ? [[t('party.servingKey'), key(p.serving_fingerprint)] as [string, ReactNode]] : []),
          [t('party.since'), t('party.sinceText', { version: number(p.version), at: time(p.at), entry: number(p.log_entry) })],
        ]}
      />
    </div>
  )
}

function Officers({ of: p }: { of: PartyInfo }) {
  const { t } = useTranslation('admin')
  const officers = p.party.officers ?? []
  return (
    <section className="stack-s">
      <h2>{t('party.officers')}</h2>
      {officers.length === 0 ? (
        <p className="quiet">{t('party.noOfficers')}</p>
      ) : (
        <Table
          label={t('party.officers')}
          rows={officers}
          id={(o) => o.name}
          columns={[
            { id: 'name', head: t('party.officer'), header: true, cell: (o) => o.name },
            { id: 'kind', head: t('party.keyKind'), cell: (o) => t(o.key.startsWith('passkey:') ? 'party.passkey' : 'party.keyFile') },
            { id: 'key', head: t('party.key'), cell: (o) => <span className="mono">{o.key}</span> },
          ]}
        />
      )}
    </section>
  )
}
