import { useTranslation } from 'react-i18next'
import { has, useMe, type Me } from '../../../api/me'
import { ButtonLink } from '../../../ui/button'
import { PageHead } from '../../../ui/page'
import { Badge, Empty, Load } from '../../../ui/state'
import { useCampaigns, useEntrustments } from '../data'
import { offered, shelves, type Standard, type WhyNot } from './kinds'
import { keptDraft } from './keep'
import type { Info } from '../../entrustments/contract'
import './ask.css'

/** The standard reports: what each answers, and under which entrustments it may be asked. */
export default function Gallery() {
  const { t } = useTranslation('reports')
  const me = useMe()
  const contracts = useEntrustments()
  const campaigns = useCampaigns()
  return (
    <>
      <PageHead title={t('gallery.title')} lead={t('gallery.lead')} crumbs={[['/', t('title')]]} />
      <Load of={me}>
        {(who) =>
          !has(who, 'marketing') ? (
            <NotAsker />
          ) : (
            <Load of={contracts} lines={8}>
              {(es) => <Load of={campaigns}>{(cs) => <Shelves me={who!} contracts={es} campaigns={cs} />}</Load>}
            </Load>
          )
        }
      </Load>
    </>
  )
}

/** For who may read and not ask. */
export function NotAsker() {
  const { t } = useTranslation('reports')
  return (
    <Empty title={t('gallery.notYou.title')} action={<ButtonLink to="/">{t('gallery.notYou.go')}</ButtonLink>}>
      <p>{t('gallery.notYou.text')}</p>
    </Empty>
  )
}

function Shelves({ me, contracts, campaigns }: { me: Me; contracts: Info[]; campaigns: Parameters<typeof offered>[3] }) {
  const { t } = useTranslation('reports')
  return (
    <div className="stack">
      {shelves.map((shelf) => (
        <section key={shelf.name} aria-labelledby={`shelf-${shelf.name}`}>
          <h2 id={`shelf-${shelf.name}`}>{t(`gallery.shelf.${shelf.name}`)}</h2>
          <div className="grid cards">
            {shelf.of.map((s) => {
              const o = offered(s, contracts, me.party, campaigns)
              return <Card key={s} standard={s} under={o.under} why={o.why} />
            })}
          </div>
        </section>
      ))}
    </div>
  )
}

function Card({ standard: s, under, why }: { standard: Standard; under: Info[]; why?: WhyNot }) {
  const { t } = useTranslation('reports')
  const begun = !why && !!keptDraft(s)
  return (
    <article className="panel card" data-off={why ? true : undefined}>
      <div className="stack-s">
        <h3>{t(`standard.${s}.name`)}</h3>
        <p className="answers">{t(`standard.${s}.answers`)}</p>
        <p className="small quiet">{t(`standard.${s}.shows`)}</p>
      </div>
      {why ? (
        <p className="small whynot">
          <Badge>{t('gallery.off')}</Badge> {t(`whynot.${why}`)}
        </p>
      ) : (
        <div className="stack-s">
          <p className="small quiet">{t('gallery.under', { names: under.map((e) => e.id).join(t('comma')) })}</p>
          <div className="row">
            <ButtonLink to={`/ask/${s}`}>
              {t(begun ? 'gallery.goOn' : 'gallery.ask')}
              <span className="unseen">{t('gallery.of', { name: t(`standard.${s}.name`) })}</span>
            </ButtonLink>
          </div>
        </div>
      )}
    </article>
  )
}
