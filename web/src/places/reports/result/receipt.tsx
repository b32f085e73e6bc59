import { useState, type ReactNode } from 'react'
import { Button } from '../../../ui/button'
import { day } from '../../../ui/format'
import { Facts } from '../../../ui/page'
import { Badge, Banner, Refused } from '../../../ui/state'
import type { Words } from '../../../report/names'
import { plain } from '../../../report/release'
import type { Read } from '../../../report/useRelease'
import { keepSeen, type Pin } from '../../../report/verify/pin'
import { useVerified, type Checked } from '../../../report/verify/useVerified'
import type { Finding } from '../../../report/verify/verify'
import { KeyForm } from './keyform'

/** The receipt: checked on this device, each check shown with what came of it. */
export function Receipt({ words: w, read }: { words: Words; read: Read }) {
  const check = useVerified(read)
  const c = check.data
  const ok = c?.ok
  return (
    <section className="panel stack-s">
      <div className="row between">
        <h2>{w.t('receipt.title')}</h2>
        <span role="status">
          {check.isFetching ? (
            <Badge>{w.t('receipt.checking')}</Badge>
          ) : c ? (
            <Badge kind={ok ? 'good' : 'bad'}>
              <span aria-hidden="true">{ok ? '✓' : '✕'}</span> {w.t(ok ? 'receipt.verified' : 'receipt.failed')}
            </Badge>
          ) : (
            <Badge kind="warn">{w.t('receipt.broken')}</Badge>
          )}
        </span>
      </div>
      <Refused error={check.error} again={() => void check.refetch()} />
      {c && <Outcome words={w} checked={c} again={() => void check.refetch()} />}
    </section>
  )
}

function Outcome({ words: w, checked: c, again }: { words: Words; checked: Checked; again: () => void }) {
  const { answer: a, ok } = c
  const findings: [string, Finding][] = [...a.findings.map((f): [string, Finding] => [f.check, f]), ...c.growth.map((g): [string, Finding] => [g.name, g.finding])]
  return (
    <>
      {c.changed && <Changed words={w} pin={c.pin} checked={c} again={again} />}
      {c.before && (
        <Banner kind="warn" title={w.t('receipt.anew.title')} live>
          <p>{w.t('receipt.anew.text', { date: day(c.before.since), was: keyId(c.before.line), now: keyId(c.pin.line) })}</p>
        </Banner>
      )}
      <p>{w.t(ok ? 'receipt.lead' : 'receipt.failedLead')}</p>
      <details open={!ok}>
        <summary>{w.t('receipt.show')}</summary>
        <ul className="checks">
          {findings.map(([name, f]) => (
            <li key={name} data-outcome={f.outcome}>
              <span className="mark" aria-hidden="true">
                {f.outcome === 'holds' ? '✓' : f.outcome === 'fails' ? '✕' : '–'}
              </span>
              <span>
                <span className="unseen">{w.t(`receipt.${f.outcome}`)}: </span>
                {w.t(`receipt.${f.outcome === 'fails' ? 'wrong' : 'check'}.${name}`)}
              </span>
              {f.says && (
                <span className="says mono" lang="en">
                  {plain(f.says)}
                </span>
              )}
            </li>
          ))}
        </ul>
        {c.growth.some((g) => g.finding.outcome === 'unchecked') && <p className="small quiet">{w.t('receipt.noGrowth')}</p>}
        <Facts
          rows={[
            [w.t('receipt.keyName'), <span className="fingerprint">{a.given ?? a.key}</span>],
            ...(a.key && a.key !== a.given ? [[w.t('receipt.ownKey'), <span className="fingerprint">{a.key}</span>] as [string, ReactNode]] : []),
            ...(a.receipt && a.origin ? [[w.t('receipt.log'), w.t('receipt.logText', { origin: plain(a.origin), index: a.receipt.log.index, size: a.size })] as [string, string]] : []),
            ...(a.receipt ? [[w.t('receipt.recipient'), plain(a.receipt.recipient)] as [string, string], [w.t('receipt.confinement'), plain(a.receipt.confinement)] as [string, string]] : []),
          ]}
        />
        {!c.changed && (
          <p className="small">
            {w.t(c.pin.given ? 'receipt.given' : c.pin.practice ? 'receipt.practice' : 'receipt.server')} {w.t('receipt.seen', { date: day(c.pin.since) })}
          </p>
        )}
        {(!c.pin.practice || c.pin.given) && <KeyForm words={w} pin={c.pin} again={again} />}
        <p className="small quiet">{w.t('receipt.offline')}</p>
        <Button onPress={again}>{w.t('receipt.again')}</Button>
      </details>
    </>
  )
}

/** The eight digits of a key's line by which people tell it from another. */
const keyId = (line: string) => line.split('+')[1]

/** The server shows another key than the one kept: said loudly. */
function Changed({ words: w, pin, checked: c, again }: { words: Words; pin: Pin; checked: Checked; again: () => void }) {
  const [sure, set] = useState(false)
  return (
    <Banner kind="bad" title={w.t('receipt.changed.title')} live>
      <p>{w.t('receipt.changed.text', { date: day(pin.since), was: keyId(pin.line), now: keyId(c.served) })}</p>
      <div>
        <Button
          kind="danger"
          isDisabled={sure}
          onPress={() => {
            set(true)
            keepSeen(localStorage, c.served, new Date(), c.practice)
            again()
          }}
        >
          {w.t('receipt.changed.accept')}
        </Button>
      </div>
    </Banner>
  )
}
