import { useState } from 'react'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../../../api/client'
import type { Me } from '../../../api/me'
import { ButtonLink } from '../../../ui/button'
import { Checkbox } from '../../../ui/field'
import { time } from '../../../ui/format'
import { Badge, Empty, Load } from '../../../ui/state'
import { Table, type Column } from '../../../ui/table'
import { TypedButton } from '../../../ui/typed'
import { changed, useTokens, type Token } from '../../admin/ask'

/** Tokens, and the button that revokes each: one's own, or, with who, the party's. */
export function TokenTable({ me, who, makeAt }: { me: Me; who?: (person: string) => string; makeAt: string }) {
  const { t } = useTranslation('me')
  const tokens = useTokens()
  const [old, setOld] = useState(false)
  return (
    <Load of={tokens}>
      {(all) => {
        const mine = who ? all : all.filter((k) => k.person === me.id)
        const now = Date.now()
        const good = mine.filter((k) => !k.revoked && Date.parse(k.ends) > now)
        const rows = old ? mine : good
        if (mine.length === 0)
          return (
            <Empty title={t('tokens.empty')} action={<ButtonLink to={makeAt}>{t('tokens.make')}</ButtonLink>}>
              <p>{t('tokens.emptyText')}</p>
            </Empty>
          )
        return (
          <div className="stack-s">
            {good.length < mine.length && (
              <Checkbox isSelected={old} onChange={setOld}>
                {t('tokens.showOld', { count: mine.length - good.length })}
              </Checkbox>
            )}
            {rows.length > 0 ? <Table label={t('tokens.name')} rows={rows} id={(k) => k.id} columns={columnsOf(t, me, who)} /> : <p className="quiet">{t('tokens.noneGood')}</p>}
          </div>
        )
      }}
    </Load>
  )
}

function columnsOf(t: ReturnType<typeof useTranslation<'me'>>['t'], me: Me, who?: (person: string) => string): Column<Token>[] {
  const columns: Column<Token>[] = [
    { id: 'name', head: t('tokens.of'), header: true, cell: (k) => k.name },
    { id: 'scopes', head: t('tokens.scopes'), cell: (k) => <span className="mono">{k.scopes.join(' ')}</span> },
    { id: 'used', head: t('tokens.used'), cell: (k) => (k.used ? time(k.used) : t('tokens.unused')) },
    {
      id: 'ends',
      head: t('tokens.ends'),
      cell: (k) => (k.revoked ? <Badge kind="bad">{t('tokens.revoked')}</Badge> : Date.parse(k.ends) <= Date.now() ? <Badge>{t('tokens.over')}</Badge> : time(k.ends)),
    },
  ]
  if (who) columns.splice(1, 0, { id: 'who', head: t('tokens.who'), cell: (k) => who(k.person) })
  columns.push({
    id: 'act',
    head: <span className="unseen">{t('tokens.act')}</span>,
    cell: (k) => !k.revoked && Date.parse(k.ends) > Date.now() && (k.person === me.id || me.roles.includes('admin')) && <Revoke token={k} />,
  })
  return columns
}

function Revoke({ token }: { token: Token }) {
  const { t } = useTranslation('me')
  const revoke = useMutation({
    mutationFn: () => ask(api.DELETE('/v1/tokens/{token}', { params: { path: { token: token.id } } })),
    onSuccess: () => changed('tokens'),
  })
  return (
    <TypedButton title={t('tokens.sure', { name: token.name })} name={token.name} button={t('tokens.revoke')} act={{ ...revoke, mutate: () => revoke.mutate() }}>
      <p>{t('tokens.goes')}</p>
    </TypedButton>
  )
}
