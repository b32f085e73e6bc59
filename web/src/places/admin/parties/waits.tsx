import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask, onceKey } from '../../../api/client'
import type { Me } from '../../../api/me'
import { time } from '../../../ui/format'
import { Banner } from '../../../ui/state'
import { TypedButton } from '../../../ui/typed'
import { changed, type Draft } from '../ask'
import { runsRoom } from '../may'

/** Drafts that register a party, or change one. */
export const ofParty = (d: Draft) => d.statement.act === 'party'

/** Says that a registration waits for signatures, and for whose. */
export function Waits({ draft: d, me, onGone }: { draft: Draft; me: Me; onGone?: () => void }) {
  const { t } = useTranslation('admin')
  const withdraw = useMutation({
    mutationFn: () => ask(api.POST('/v1/drafts/{hash}/withdrawal', { params: { path: { hash: d.hash }, header: onceKey() } })),
    onSuccess: async () => {
      onGone?.()
      await changed('drafts')
    },
  })
  return (
    <Banner kind="warn" title={t(d.before ? 'waits.change' : 'waits.new', { id: d.statement.id })} live>
      <p>{t(d.needs.length > 0 ? 'waits.needs' : 'waits.second', { parties: d.needs.join(t('people.comma')) })}</p>
      {d.signed && d.signed.length > 0 && <p>{t('waits.signed', { who: d.signed.map((s) => `${s.officer} (${s.party})`).join(t('people.comma')) })}</p>}
      <p>{t('waits.how', { expires: time(d.statement.expires) })}</p>
      <pre className="code-block">{`awase approve --server ${location.origin} --key KEYFILE ${d.hash}`}</pre>
      {runsRoom(me) && (
        <div>
          <TypedButton title={t('waits.withdrawSure', { id: d.statement.id })} name={d.statement.id} button={t('waits.withdraw')} act={{ ...withdraw, mutate: () => withdraw.mutate() }}>
            <p>{t('waits.withdrawGoes')}</p>
          </TypedButton>
        </div>
      )}
    </Banner>
  )
}
