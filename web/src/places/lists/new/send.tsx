import { useEffect, useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useMe } from '../../../api/me'
import type { Preview } from '../../../desk/protocol'
import { remember } from '../../../desk/remember'
import { begin } from '../../../desk/uploads'
import { Button } from '../../../ui/button'
import { number } from '../../../ui/format'
import { Facts } from '../../../ui/page'
import { Banner, Refused } from '../../../ui/state'
import { useFloor, useTerms } from '../data'
import type { Ready } from './columns'
import type { Where } from './index'
import { sealingOf, shownKey } from './sealing'

type Props = { where: Where; file: File; preview: Preview; ready: Ready; onSending: (id: string) => void }

/** Step 4: what will happen. */
export function SendStep({ where, file, preview, ready, onSending }: Props) {
  const { t } = useTranslation('lists')
  const terms = useTerms(where.taker.id)
  const floor = useFloor()
  const me = useMe().data
  const [failed, setFailed] = useState<unknown>()
  const [changed, setChanged] = useState(false)
  // What is shown stays: a key that is asked for again must not slip in behind a look at it.
  const [shown, setShown] = useState(terms.data)
  useEffect(() => setShown((s) => s ?? terms.data), [terms.data])
  const key = useQuery({ queryKey: ['sealing-key', shown?.key], enabled: !!shown, queryFn: async () => (await shownKey(shown!)) ?? null })
  const r = ready.checked.report
  const start = async () => {
    setFailed(undefined)
    setChanged(false)
    try {
      const now = await terms.refetch()
      if (!now.data) throw now.error
      const options = shown && sealingOf(where, ready.options, shown, now.data)
      if (options) {
        // What a file of those to be taken off leaves out says nothing of a list.
        if (where.change !== 'remove') remember(localStorage, me?.id ?? '', { entrustment: options.entrustment, list: options.list }, preview, ready.choices)
        onSending(begin({ person: me?.id ?? '', file, checked: ready.checked, options }))
      } else {
        setShown(now.data)
        setChanged(true)
      }
    } catch (err) {
      setFailed(err)
    }
  }
  const small = where.change !== 'remove' && r.accepted < floor
  const shrunk = where.change === '' && where.rowsBefore !== undefined && r.accepted < where.rowsBefore / 2
  const max = where.taker.contract.max_list_rows
  return (
    <div className="stack-s">
      <p>{t(`send.${where.change === '' ? (where.isNew ? 'new' : 'replace') : where.change}`, { entrustment: where.taker.id, list: where.list, rows: number(r.accepted) })}</p>
      {r.rejected + r.no_consent > 0 && <p>{t('send.without', { rows: number(r.rejected + r.no_consent) })}</p>}
      {small && (
        <Banner kind="warn" title={t('send.small', { floor: number(floor) })}>
          <p>{t('send.smallText')}</p>
        </Banner>
      )}
      {shrunk && (
        <Banner kind="warn" title={t('send.shrunk', { before: number(where.rowsBefore ?? 0), now: number(r.accepted) })}>
          <p>{t('send.shrunkText')}</p>
        </Banner>
      )}
      {max !== undefined && r.accepted > max && <Banner kind="bad" title={t('send.large', { max: number(max) })} />}
      {changed && (
        <Banner kind="bad" title={t('send.keyChanged')} live>
          <p>{t('send.keyChangedText')}</p>
        </Banner>
      )}
      {shown && (
        <details open={changed || undefined}>
          <summary>{t('send.sealedTo')}</summary>
          <p className="small">{t('send.sealedText')}</p>
          <Facts rows={[[t('send.fingerprint'), <span className="mono">{key.data ?? ''}</span>]]} />
        </details>
      )}
      <Refused error={failed ?? terms.error} again={() => void terms.refetch()} />
      <div className="row">
        <Button kind="primary" onPress={() => void start()} isDisabled={!shown || (max !== undefined && r.accepted > max)}>
          {t('send.start')}
        </Button>
        <span className="small quiet">{t('send.startText')}</span>
      </div>
    </div>
  )
}
