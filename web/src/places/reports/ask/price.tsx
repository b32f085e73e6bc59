import { useTranslation } from 'react-i18next'
import type { Me } from '../../../api/me'
import { day, number, percent, upTo } from '../../../ui/format'
import { Banner, Refused, Skeleton } from '../../../ui/state'
import { dimName } from '../../../report/names'
import type { Contract } from '../../entrustments/contract'
import { useLedger } from '../data'
import { accountsOf, digits, forecastOf, foretold, hiddenShare, shortOf, stoppedOf, tablesOf, type Price } from './budget'
import { Meters } from './meters'
import { Ways } from './ways'
import { FromCube } from './fromcube'
import { Submit } from './submit'
import { useMatched } from './matched'
import { expected, usePrice } from './useprice'
import { lacks, type Draft } from './question'
import { useWords } from '../../../report/useWords'

type Props = { standard: string; draft: Draft; me: Me; contract: Contract; onChange: (d: Draft) => void }

/** The right side, always seen: what it costs of what is left, what will be withheld, how
 * precise it is, what would cost less. */
export function PriceAside({ standard, draft: d, me, contract, onChange }: Props) {
  const { t } = useTranslation('reports')
  const price = usePrice(d)
  const lack = lacks(d)
  const p = lack.length === 0 ? price.data : undefined
  return (
    <aside className="panel price stack-s" aria-labelledby="price" aria-busy={price.isFetching}>
      <h2 id="price">{t('price.title')}</h2>
      <div className="told stack-s">
      {lack.length > 0 && <p>{t('price.lacks', { what: lack.map((l) => t(`price.lack.${l}`)).join(t('comma')) })}</p>}
      {lack.length === 0 && price.error && <Refused error={price.error} />}
      {lack.length === 0 && !p && !price.error && <Skeleton lines={5} />}
      {p && !price.error && <Told price={p} draft={d} me={me} onChange={onChange} />}
      <FromCube draft={d} />
      </div>
      <Submit standard={standard} draft={d} me={me} contract={contract} price={price.error || price.isPlaceholderData ? undefined : p} onChange={onChange} />
    </aside>
  )
}

function Told({ price: p, draft: d, me, onChange }: { price: Price; draft: Draft; me: Me; onChange: (d: Draft) => void }) {
  const { t } = useTranslation('reports')
  const ledger = useLedger(me)
  const stopped = stoppedOf(p)
  const short = shortOf(p)
  const free = p.charged === 0
  const cube = tablesOf(p).some((x) => x.name === 'cube')
  return (
    <>
      {stopped && (
        <Banner kind="warn" title={t('price.stopped')}>
          <p lang="en" className="small">
            {stopped.detail} {stopped.mend && `— ${stopped.mend}`}
          </p>
        </Banner>
      )}
      <p className="big">
        {free ? t(cube ? 'price.ofCube' : 'price.paid') : <>{t('price.takes')} <strong className="num">{upTo(p.charged, digits)}</strong></>}
      </p>
      {!free && <Meters price={p} ledger={ledger.data} party={me.party} />}
      {!free && short && <Ways price={p} draft={d} ledger={ledger.data} onChange={onChange} />}
      <Shown price={p} draft={d} />
      <p>
        {t('price.precision')} <strong className="num">{t('precision.n', { n: number(p.precision) })}</strong> <span className="small quiet">{t('price.precisionHelp')}</span>
      </p>
      {(p.notes ?? []).map((n) => (
        <p key={n} className="small warnings">
          {t(`note.${n}`)}
        </p>
      ))}
      {!free && !short && <Ways price={p} draft={d} ledger={ledger.data} onChange={onChange} />}
      <PriceDetails price={p} />
    </>
  )
}

/** The share of cells that will probably be withheld. */
function Shown({ price: p, draft: d }: { price: Price; draft: Draft }) {
  const { t } = useTranslation('reports')
  const w = useWords()
  const f = forecastOf(p)
  const matched = useMatched(d)
  const lacking = [...(f?.missing ?? []), ...(f?.unknown ?? [])]
  const known = foretold(f)
  const share = hiddenShare(p)
  // For whom it was made: as many as somebody said, as many as are matched, or the whole list.
  const basis = (n: string) => {
    if (expected(d) > 0) return t('forecast.stated', { n })
    if (!f?.stated || !matched) return t('forecast.whole', { n })
    return matched.at ? t('forecast.known', { n, share: percent(matched.share), day: day(matched.at) }) : t('forecast.assumed', { n, share: percent(matched.share) })
  }
  const reason = (name: string) => (w.has(`dim.${name}`) ? dimName(w, name) : t(`forecast.unknown.${name.replace(/\s+/g, '-')}`, { defaultValue: name }))
  return (
    <div className="stack-s">
      {known ? (
        <>
          <p>{p.cells === 1 ? t(share > 0.5 ? 'forecast.oneHidden' : 'forecast.oneShown') : t('forecast.withheld', { n: number(Math.min(p.cells, f.withheld)), cells: number(p.cells), share: percent(share) })}</p>
          {p.cells > 1 && (
            <div className="meter" aria-hidden="true">
              <span className="hatched" style={{ width: `${share * 100}%` }} />
            </div>
          )}
          <p className="small quiet">{basis(number(f.people))}</p>
          {share >= 0.5 && p.cells > 1 && <p className="small warnings">{t(share === 1 ? 'forecast.nothingShown' : 'forecast.mend')}</p>}
        </>
      ) : (
        <p className="small quiet">{lacking.length ? t('forecast.none', { what: lacking.map(reason).join(t('comma')), cells: number(p.cells) }) : t('forecast.nothing', { cells: number(p.cells) })}</p>
      )}
    </div>
  )
}

/** The measures of privacy themselves, for who wants them. */
function PriceDetails({ price: p }: { price: Price }) {
  const { t } = useTranslation(['reports', 'ui'])
  return (
    <details>
      <summary>{t('ui:details')}</summary>
      <dl className="facts small">
        <dt>σ</dt>
        <dd className="num left">
          {p.sigma}
          {p.terms > 1 && ` × √${p.terms}`}
        </dd>
        <dt>{t('price.tau')}</dt>
        <dd className="num left">{number(p.tau)}</dd>
        {!!p.k && (
          <>
            <dt>{t('price.k')}</dt>
            <dd className="num left">{number(p.k)}</dd>
          </>
        )}
        <dt>ρ</dt>
        <dd className="num left">{upTo(p.rho, 6)}</dd>
        <dt>δ</dt>
        <dd className="num left">{p.delta.toExponential(1)}</dd>
        {tablesOf(p).map((x) => (
          <div key={x.name} style={{ display: 'contents' }}>
            <dt>{t(`price.table.${x.name}`)}</dt>
            <dd className="num left">{x.paid ? t('price.tablePaid') : upTo(x.rho, 6)}</dd>
          </div>
        ))}
        {accountsOf(p).map((a) => (
          <div key={a.owner + a.window} style={{ display: 'contents' }}>
            <dt>{t('price.account', { owner: a.owner, recipient: a.recipient, days: a.window.replace('d', '') })}</dt>
            <dd className="num left">
              {upTo(a.spent, 6)} / {upTo(a.limit, 6)}
            </dd>
          </div>
        ))}
      </dl>
    </details>
  )
}
