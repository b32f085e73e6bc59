import { useTranslation } from 'react-i18next'
import { day, upTo } from '../../../ui/format'
import { accountsOf, bar, digits, fits, leftOf, returns, tightest, type Account, type Ledger, type Price } from './budget'

/** What the question takes of what is left: the account that decides as a bar, and of any
 * other that it does not fit a sentence. */
export function Meters({ price, ledger, party }: { price: Price; ledger?: Ledger; party: string }) {
  const { t } = useTranslation('reports')
  const accounts = accountsOf(price).filter((a) => a.due > 0)
  const a = tightest(accounts)
  if (!a) return null
  const others = accounts.filter((o) => o !== a && !fits(o))
  return (
    <div className="stack-s">
      <Meter account={a} />
      <p className="small">{t(`budget.left.${a.window}`, { left: upTo(leftOf(a), digits), limit: upTo(a.limit, digits) })}</p>
      {a.owner !== party && <p className="small quiet">{t('budget.of', { owner: a.owner, recipient: a.recipient })}</p>}
      {others.map((o) => (
        <p key={o.owner + o.window} className="small warnings">
          {t(`budget.also.${o.window}`, { owner: o.owner, left: upTo(leftOf(o), digits) })}
        </p>
      ))}
      {ledger && <Back ledger={ledger} account={a} />}
    </div>
  )
}

export function Meter({ account: a }: { account: Account }) {
  const { t } = useTranslation('reports')
  const b = bar(a)
  const words = { spent: upTo(a.spent, digits), now: upTo(a.due, digits), left: upTo(Math.max(0, leftOf(a) - a.due), digits) }
  return (
    <>
      <div className="meter tall" role="img" aria-label={t('budget.bar', words)}>
        <span className="spent" style={{ width: `${b.spent * 100}%` }} />
        <span className="now" data-over={b.overdrawn || undefined} style={{ width: `${b.now * 100}%` }} />
      </div>
      <ul className="legend small" aria-hidden="true">
        <li>
          <span className="key spent" /> {t('budget.spent')} <span className="num">{words.spent}</span>
        </li>
        <li>
          <span className="key now" data-over={b.overdrawn || undefined} /> {t('budget.now')} <span className="num">{words.now}</span>
        </li>
        <li>
          <span className="key" /> {t('budget.after')} <span className="num">{words.left}</span>
        </li>
      </ul>
    </>
  )
}

/** The next that comes back. */
function Back({ ledger, account }: { ledger: Ledger; account: Account }) {
  const { t } = useTranslation('reports')
  const next = returns(ledger, account)[0]
  if (!next) return null
  return <p className="small quiet">{t('budget.back', { day: day(next.at), amount: upTo(next.amount, digits) })}</p>
}
