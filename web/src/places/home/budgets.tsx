import { useTranslation } from 'react-i18next'
import type { Me } from '../../api/me'
import { day, percent, upTo } from '../../ui/format'
import { Load } from '../../ui/state'
import { useLedger } from '../reports/data'
import { digits, returns } from '../reports/ask/budget'
import type { Schemas } from '../../api/client'

type Account = Schemas['LedgerAccount']

/** What is left of the privacy budgets, an account in a row, and when it slides back. */
export function Budgets({ me }: { me: Me }) {
  const { t } = useTranslation('home')
  const ledger = useLedger(me)
  return (
    <section className="panel stack-s" aria-labelledby="budget">
      <h2 id="budget">{t('budget.title')}</h2>
      <Load of={ledger}>
        {(l) =>
          l.accounts.length === 0 ? (
            <p className="quiet">{t('budget.none')}</p>
          ) : (
            <>
              {l.accounts.map((a) => (
                <Row key={`${a.recipient}/${a.owner}`} account={a} back={returns(l, { recipient: a.recipient, owner: a.owner, window: '30d' })[0]} />
              ))}
            </>
          )
        }
      </Load>
    </section>
  )
}

function Row({ account: a, back }: { account: Account; back?: { at: string; amount: number } }) {
  const { t } = useTranslation('home')
  const w = a.windows.find((x) => x.window === '30d' && x.unit === 'rho')
  if (!w) return null
  const taken = w.spent + (w.held ?? 0)
  return (
    <div className="stack-s">
      <p className="row between">
        <span>{t('budget.of', { owner: a.owner })}</span>
        <span className="num">{t('budget.left', { left: upTo(w.left, digits), limit: upTo(w.limit, digits) })}</span>
      </p>
      <div className="meter" role="img" aria-label={t('budget.bar', { share: percent(Math.min(1, taken / w.limit)) })}>
        <span className="spent" style={{ width: `${Math.min(100, (taken / w.limit) * 100)}%` }} />
      </div>
      <p className="small quiet">
        {!!w.held && t('budget.held', { held: upTo(w.held, digits) })} {back && t('budget.back', { day: day(back.at), amount: upTo(back.amount, digits) })}
      </p>
    </div>
  )
}
