import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSearch } from 'wouter'
import { api, ask, type Schemas } from '../../../api/client'
import { has, useMe, type Me } from '../../../api/me'
import { ButtonLink, Button } from '../../../ui/button'
import { PageHead } from '../../../ui/page'
import { Empty, Load, Skeleton } from '../../../ui/state'
import { NotFound } from '../../../shell/notfound'
import { newest, type Info } from '../../entrustments/contract'
import { useCampaigns, useEntrustments } from '../data'
import { NotAsker } from './gallery'
import { isStandard, kindOf, offered, start, type Standard } from './kinds'
import { dropDraft, keepDraft, keptDraft } from './keep'
import { fromDocument, type Document, type Draft } from './question'
import { QuestionForm } from './form'
import { PriceAside } from './price'
import './ask.css'

/** Puts a question together, says what it costs before it costs it, and asks it. */
export default function Builder({ standard }: { standard: string }) {
  const { t } = useTranslation('reports')
  const me = useMe()
  const contracts = useEntrustments()
  const campaigns = useCampaigns()
  if (!isStandard(standard)) return <NotFound />
  return (
    <>
      <PageHead title={t(`standard.${standard}.name`)} lead={t(`standard.${standard}.answers`)} crumbs={[['/', t('title')], ['/ask', t('gallery.short')]]} />
      <Load of={me}>
        {(who) => (has(who, 'marketing') ? <Load of={contracts} lines={10}>{(es) => <Load of={campaigns}>{(cs) => <Begin standard={standard} me={who!} contracts={es} campaigns={cs} />}</Load>}</Load> : <NotAsker />)}
      </Load>
    </>
  )
}

type Facts = { standard: Standard; me: Me; contracts: Info[]; campaigns: Schemas['Campaign'][] }

function Begin(props: Facts) {
  const { standard, me, contracts, campaigns } = props
  const { t } = useTranslation('reports')
  const report = new URLSearchParams(useSearch()).get('report')
  const [draft, set] = useState<Draft>()
  const o = offered(standard, contracts, me.party, campaigns)
  const first = o.under[0]
  useEffect(() => {
    if (draft || !first) return
    const begin = start(standard, newest(first), campaigns.find((m) => m.entrustment === first.id && m.version > 0))
    const was = keptDraft(standard)
    if (!report) {
      set(was && contracts.some((e) => e.id === was.entrustment) ? was : begin)
      return
    }
    // Of a report that is kept: its question. What can't be read begins afresh.
    ask(api.GET('/v1/reports/{report}', { params: { path: { report } } })).then(
      (r) => set(fromDocument(r.question as Document)),
      () => set(begin),
    )
  }, [draft, first, report, standard, campaigns, contracts])
  if (!first)
    return (
      <Empty title={t('gallery.off')} action={<ButtonLink to="/ask">{t('gallery.other')}</ButtonLink>}>
        <p>{t(`whynot.${o.why ?? 'none'}`)}</p>
      </Empty>
    )
  if (!draft) return <Skeleton lines={10} />
  return <Ask {...props} under={o.under} draft={draft} onChange={set} />
}

function Ask({ standard, me, under, campaigns, draft: d, onChange }: Facts & { under: Info[]; draft: Draft; onChange: (d: Draft) => void }) {
  const { t } = useTranslation('reports')
  useEffect(() => keepDraft(standard, d), [standard, d])
  const contract = under.find((e) => e.id === d.entrustment) ?? under[0]!
  const own = campaigns.filter((m) => m.entrustment === contract.id && m.version > 0)
  const beginUnder = (id: string) => {
    const e = under.find((u) => u.id === id)
    if (e) onChange({ ...start(standard, newest(e), campaigns.find((m) => m.entrustment === id && m.version > 0)), expect: d.expect, rate: d.rate })
  }
  const anew = () => {
    dropDraft(standard)
    beginUnder(contract.id)
  }
  return (
    <div className="ask">
      <div className="stack">
        <QuestionForm draft={{ ...d, kind: kindOf(standard) }} contract={newest(contract)} under={under} campaigns={own} onChange={onChange} onContract={beginUnder} />
        <div>
          <Button kind="plain" onPress={anew}>
            {t('form.anew')}
          </Button>
        </div>
      </div>
      <PriceAside standard={standard} draft={d} me={me} contract={newest(contract)} onChange={onChange} />
    </div>
  )
}
