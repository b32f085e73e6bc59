import { useState, type FormEvent } from 'react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useLocation } from 'wouter'
import { api, ask, refusalOf, type Schemas } from '../../../api/client'
import { useRoom, type Me } from '../../../api/me'
import { Button, ButtonLink } from '../../../ui/button'
import { Select, TextField } from '../../../ui/field'
import { PageHead } from '../../../ui/page'
import { Banner, Load, Refused } from '../../../ui/state'
import { changed } from '../ask'
import { NotAllowed } from '../refused'
import { Ceremony, useInitialised } from '../ceremony'
import { runsRoom } from '../may'
import { docOf, fieldsOf, noFields, wrong, type Doc, type Fields } from './document'
import { OfficersField } from './officers'
import { Waits } from './waits'

/** Registers a party, or changes one: a draft where officers sign. */
export function PartyForm({ me, id }: { me: Me; id?: string }) {
  const { t } = useTranslation('admin')
  const title = id ? t('parties.changeOf', { id }) : t('parties.add')
  // Beside the document its ETag: what somebody else changed meanwhile is not written over.
  const was = useQuery({
    queryKey: ['parties', id, 'change'],
    enabled: !!id && runsRoom(me),
    gcTime: 0,
    staleTime: Infinity,
    queryFn: async () => {
      const { data, error, response } = await api.GET('/v1/parties/{party}', { params: { path: { party: id! } } })
      if (!data) throw refusalOf(error, response)
      return { doc: data.party, tag: response.headers.get('ETag') ?? '' }
    },
  })
  const initialised = useInitialised()
  if (!runsRoom(me)) return <NotAllowed title={title} />
  return (
    <>
      <PageHead title={title} lead={t('parties.formLead')} crumbs={id ? [['/parties', t('parties.name')], [`/parties/${id}`, id]] : [['/parties', t('parties.name')]]} />
      {initialised === false ? <Ceremony /> : id ? <Load of={was}>{(w) => <Form me={me} is={fieldsOf(w.doc)} tag={w.tag} known />}</Load> : <Form me={me} is={noFields} />}
    </>
  )
}

function Form({ me, is, tag, known }: { me: Me; is: Fields; tag?: string; known?: boolean }) {
  const { t } = useTranslation(['admin', 'ui'])
  const [, go] = useLocation()
  const room = useRoom().data
  const [f, setF] = useState(is)
  const set = <K extends keyof Fields>(k: K) => (v: Fields[K]) => setF({ ...f, [k]: v })
  const put = useMutation({
    mutationFn: (doc: Doc): Promise<Schemas['Ack']> => ask(api.PUT('/v1/parties/{party}', { params: { path: { party: doc.id }, header: tag ? { 'If-Match': tag } : {} }, body: doc })),
    onSuccess: () => changed('parties', 'drafts'),
  })
  const bad = wrong(f)
  const say = (k: keyof typeof bad) => (bad[k] ? t(`wrong.${bad[k]}`) : undefined)
  const send = (e: FormEvent) => {
    e.preventDefault()
    put.mutate(docOf(f))
  }
  if (put.data?.waits)
    return (
      <div className="stack">
        <Waits draft={put.data.waits} me={me} onGone={() => go('/parties')} />
        <div>
          <ButtonLink to="/parties">{t('parties.back')}</ButtonLink>
        </div>
      </div>
    )
  if (put.data)
    return (
      <div className="stack">
        <Banner kind="good" title={t(put.data.changed ? 'parties.done' : 'parties.same', { id: put.data.id })} live>
          <p>{t('parties.doneText')}</p>
        </Banner>
        <div>
          <ButtonLink to={`/parties/${put.data.id}`}>{put.data.id}</ButtonLink>
        </div>
      </div>
    )
  return (
    <form className="form" onSubmit={send}>
      <TextField label={t('party.id')} help={t('party.idHelp')} value={f.id} onChange={set('id')} isRequired isReadOnly={known} error={say('id')} maxLength={64} autoComplete="off" />
      <Select label={t('party.class')} value={f.class} onChange={set('class')} choices={(['client', 'ad-platform', 'trustee', ...(f.class === 'operator' ? (['operator'] as const) : [])] as const).map((c) => ({ id: c, label: t(`class.${c}`), help: t(`classHelp.${c}`) }))} />
      <TextField label={t('party.group')} help={t('party.groupHelp')} value={f.group} onChange={set('group')} error={say('group')} maxLength={64} autoComplete="off" />
      <TextField label={t('party.country')} help={t('party.countryHelp')} value={f.country} onChange={set('country')} isRequired error={say('country')} maxLength={2} autoComplete="off" />
      <OfficersField value={f.officers} onChange={set('officers')} asked={room?.officers ?? false} />
      <details>
        <summary>{t('party.keys')}</summary>
        <div className="stack">
          <TextField label={t('party.uploadKey')} help={t('party.uploadHelp')} value={f.upload} onChange={set('upload')} error={say('upload')} autoComplete="off" />
          <TextField label={t('party.deliveryKey')} help={t('party.deliveryHelp')} value={f.delivery} onChange={set('delivery')} lines={3} autoComplete="off" />
          {f.class === 'ad-platform' && <TextField label={t('party.servingKey')} help={t('party.servingHelp')} value={f.serving} onChange={set('serving')} lines={3} autoComplete="off" />}
        </div>
      </details>
      <p className="small quiet">{t(room?.officers ? 'parties.willWait' : 'parties.atOnce')}</p>
      <Refused error={put.error} as={{ 'E_CONFLICT If-Match': { what: t('refused.changed.what'), mend: t('refused.changed.mend') } }} />
      <div className="row">
        <Button kind="primary" type="submit" isDisabled={put.isPending || !f.id.trim() || Object.keys(bad).length > 0}>
          {t(known ? 'parties.doChange' : 'parties.doAdd')}
        </Button>
        <ButtonLink to="/parties">{t('ui:cancel')}</ButtonLink>
      </div>
    </form>
  )
}
