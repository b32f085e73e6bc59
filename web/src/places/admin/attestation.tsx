import { useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../../api/client'
import { Button } from '../../ui/button'
import { CopyButton } from '../../ui/copy'
import { number } from '../../ui/format'
import { Facts, PageHead } from '../../ui/page'
import { save } from '../../ui/save'
import { Badge, Banner, Load } from '../../ui/state'
import { Table } from '../../ui/table'
import { Confinement } from './confinement'
import { keyFingerprint, sealingFingerprint } from '../../crypto/fingerprint'
import { newNonce, type Piece, type Statement } from './statement'

/** What the enclave says of itself, signed. The page shows it; whether the signature is
 * right is checked by the command, on a machine that the room's operator does not run. */
export function Attestation() {
  const { t } = useTranslation(['admin', 'ui'])
  const [nonce, setNonce] = useState(newNonce)
  const said = useQuery({
    queryKey: ['attestation', nonce],
    gcTime: 0,
    staleTime: Infinity,
    queryFn: async () => {
      // As text: what is signed are these bytes.
      const text = await ask<string>(api.GET('/v1/attestation', { params: { query: { nonce } }, parseAs: 'text' }))
      const statement = JSON.parse(text) as Statement
      return { text, statement, key: await keyFingerprint(statement.key), sealing: await sealingFingerprint(statement.sealing_key) }
    },
  })
  return (
    <>
      <PageHead
        title={t('attestation.name')}
        lead={t('attestation.lead')}
        action={
          <Button isDisabled={said.isFetching} onPress={() => setNonce(newNonce())}>
            {t('attestation.again')}
          </Button>
        }
      />
      <Load of={said} lines={8}>
        {(a) => (
          <>
            <What of={a.statement} keyPrint={a.key} sealing={a.sealing} />
            <Pieces of={a.statement.confinement.pieces} />
            <Verify nonce={a.statement.nonce} text={a.text} />
          </>
        )}
      </Load>
    </>
  )
}

function What({ of: s, keyPrint, sealing }: { of: Statement; keyPrint?: string; sealing?: string }) {
  const { t } = useTranslation('admin')
  const mono = (v: string | undefined) => <span className="mono">{v ?? t('attestation.noHash')}</span>
  return (
    <>
      <Banner title={t(s.mode === 'process' ? 'attestation.process' : 'attestation.otherMode')}>
        <p>{t(s.mode === 'process' ? 'attestation.processText' : 'attestation.otherModeText')}</p>
      </Banner>
      <div className="panel">
        <Facts
          rows={[
            [t('attestation.key'), mono(keyPrint)],
            [t('attestation.sealing'), mono(sealing)],
            [t('health.confinement'), <Confinement short={s.confinement.short} />],
            [t('attestation.system'), `${s.confinement.system}, ${t('attestation.landlock', { abi: number(s.confinement.landlock_abi) })}`],
            [t('attestation.swap'), t(`swap.${!s.swap.known ? 'unknown' : s.swap.in_use ? 'used' : 'none'}`) + t(s.swap.key_locked ? 'swap.locked' : 'swap.notLocked')],
            [t('attestation.engine'), s.engine ? t(s.engine.others ? 'attestation.engineOthers' : 'attestation.engineShards', { name: s.engine.name, shards: number(s.engine.shards) }) : t('attestation.engineOwn')],
            [t('attestation.vault'), mono(s.vault)],
            [t('attestation.officers'), t(s.dev ? 'attestation.dev' : 'attestation.notDev')],
            [t('attestation.build'), s.build ? mono(s.build) : t('attestation.noBuild')],
            [t('attestation.policy'), mono(s.policy)],
            [t('attestation.nonce'), mono(s.nonce)],
          ]}
        />
      </div>
    </>
  )
}

function Pieces({ of }: { of: Piece[] }) {
  const { t, i18n } = useTranslation('admin')
  const known = (n: string) => i18n.exists(`admin:piece.${n}`)
  return (
    <section className="stack-s">
      <h2>{t('attestation.pieces')}</h2>
      <Table
        label={t('attestation.pieces')}
        rows={of}
        id={(p) => p.name}
        columns={[
          { id: 'name', head: t('attestation.piece'), header: true, cell: (p) => (known(p.name) ? t(`piece.${p.name}` as never) : <span className="mono">{p.name}</span>) },
          { id: 'state', head: t('people.state'), cell: (p) => <Badge kind={p.in_force ? 'good' : 'warn'}>{t(p.in_force ? (p.tried ? 'attestation.tried' : 'attestation.inForce') : 'attestation.missing')}</Badge> },
          ...(of.some((p) => p.reason) ? [{ id: 'reason', head: t('attestation.reason'), cell: (p: Piece) => (p.reason ? <span lang="en">{p.reason}</span> : '–') }] : []),
        ]}
      />
    </section>
  )
}

/** The statement to take along, and the commands that check it. */
function Verify({ nonce, text }: { nonce: string; text: string }) {
  const { t } = useTranslation(['admin', 'ui'])
  const own = `export AWASE_TOKEN=awase_…\nawase log key --server ${location.origin} > room.pub\nawase attestation --server ${location.origin} --key room.pub`
  const file = `awase verify --key room.pub --nonce ${nonce} attestation.json`
  return (
    <section className="stack-s">
      <h2>{t('attestation.check')}</h2>
      <p>{t('attestation.checkText')}</p>
      <h3>{t('attestation.checkOwn')}</h3>
      <pre className="code-block">{own}</pre>
      <CopyButton text={own} />
      <h3>{t('attestation.checkFile')}</h3>
      <div>
        <Button onPress={() => save('attestation.json', text, 'application/json')}>{t('ui:download')}</Button>
      </div>
      <pre className="code-block">{file}</pre>
      <CopyButton text={file} />
    </section>
  )
}
