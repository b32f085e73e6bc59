import { useMutation, useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../../api/client'
import { Button } from '../../ui/button'
import { time } from '../../ui/format'
import { PageHead } from '../../ui/page'
import { Badge, Banner, Load, Refused } from '../../ui/state'
import { Table } from '../../ui/table'
import { changed } from '../admin/ask'
import { program } from './agent'

/** Where one is signed in. */
export function Sessions() {
  const { t } = useTranslation('me')
  const list = useQuery({ queryKey: ['sessions'], queryFn: async () => (await ask(api.GET('/v1/me/sessions', {}))).items })
  const end = useMutation({ mutationFn: (session: string) => ask(api.DELETE('/v1/me/sessions/{session}', { params: { path: { session } } })), onSuccess: () => changed('sessions') })
  const others = useMutation({ mutationFn: () => ask(api.DELETE('/v1/me/sessions', {})), onSuccess: () => changed('sessions') })
  return (
    <>
      <PageHead
        title={t('sessions.name')}
        lead={t('sessions.lead')}
        action={
          list.data?.some((s) => !s.current) && (
            <Button isDisabled={others.isPending} onPress={() => others.mutate()}>
              {t('sessions.endOthers')}
            </Button>
          )
        }
      />
      <Refused error={end.error ?? others.error} />
      {(others.isSuccess || end.isSuccess) && <Banner kind="good" title={t('sessions.ended')} live />}
      <Load of={list}>
        {(rows) => (
          <>
            <Table
              label={t('sessions.name')}
              rows={rows}
              id={(s) => s.id}
              columns={[
                {
                  id: 'program',
                  head: t('sessions.program'),
                  header: true,
                  cell: (s) => (
                    <span className="row">
                      {program(s.agent) || t('sessions.unnamed')}
                      {s.current && <Badge kind="good">{t('sessions.this')}</Badge>}
                    </span>
                  ),
                },
                { id: 'created', head: t('sessions.created'), cell: (s) => time(s.created) },
                { id: 'used', head: t('sessions.used'), cell: (s) => time(s.used) },
                { id: 'ends', head: t('sessions.ends'), cell: (s) => time(s.ends) },
                {
                  id: 'act',
                  head: <span className="unseen">{t('tokens.act')}</span>,
                  cell: (s) =>
                    !s.current && (
                      <Button isDisabled={end.isPending} onPress={() => end.mutate(s.id)} aria-label={t('sessions.endOf', { program: program(s.agent) })}>
                        {t('sessions.end')}
                      </Button>
                    ),
                },
              ]}
            />
            <p className="small quiet">{t('sessions.unknown')}</p>
          </>
        )}
      </Load>
    </>
  )
}
