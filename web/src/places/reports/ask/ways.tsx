import { useQueries } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Button } from '../../../ui/button'
import { day, number, upTo } from '../../../ui/format'
import { Banner } from '../../../ui/state'
import { measureName } from '../../../report/names'
import { useGate } from '../data'
import { accountsOf, cheaper, digits, fitsAllAt, hiddenShare, leftOf, precisionAt, shortOf, sigmasOf, tightest, type Ledger, type Price, type Way } from './budget'
import { priceOf } from './useprice'
import type { Draft } from './question'
import { useWords } from '../../../report/useWords'

/** What would cost less, each with its price and a button that does it; where the budget
 * does not reach, what is left, when it comes back, and what fits now. */
export function Ways({ price: p, draft: d, ledger, onChange }: { price: Price; draft: Draft; ledger?: Ledger; onChange: (d: Draft) => void }) {
  const { t } = useTranslation('reports')
  const w = useWords()
  const gate = useGate()
  const ways = cheaper(d, p.sigma, sigmasOf(gate.data), hiddenShare(p))
  const prices = useQueries({ queries: ways.map((x) => ({ ...priceOf(x.draft), enabled: gate.isSuccess })) })
  const short = shortOf(p)
  const offers = ways.flatMap((way, i) => {
    const q = prices[i]?.data
    return q && q.charged < p.charged ? [{ way, price: q }] : []
  })
  const said = (way: Way) =>
    way.what === 'sigma' ? t('ways.sigma', { n: number(precisionAt(p, Number(way.name))) }) : way.what === 'measure' ? t('ways.measure', { name: measureName(w, way.name) }) : t(`ways.${way.what}`)
  const now = offers.filter((o) => !o.price.short)
  const list = (
    <ul className="ways">
      {(short ? now : offers).map((o) => (
        <li key={o.way.what + o.way.name}>
          <Button onPress={() => onChange(o.way.draft)}>
            <span>{said(o.way)}</span>
            <span className="num">{o.price.charged === 0 ? t('ways.free') : upTo(o.price.charged, digits)}</span>
          </Button>
        </li>
      ))}
    </ul>
  )
  if (!short)
    return offers.length ? (
      <details className="stack-s" open>
        <summary>{t('ways.title')}</summary>
        {list}
      </details>
    ) : null
  const a = tightest(accountsOf(p))
  const when = ledger && fitsAllAt(ledger, accountsOf(p))
  return (
    <Banner kind="warn" title={t('short.title')} live>
      <p>
        {a && t(`short.${a.window}`, { price: upTo(p.charged, digits), left: upTo(leftOf(a), digits) })} {when && t('short.when', { day: day(when) })} {now.length > 0 && t('short.now')}
      </p>
      {now.length > 0 ? list : !when && <p>{t('short.never')}</p>}
    </Banner>
  )
}
