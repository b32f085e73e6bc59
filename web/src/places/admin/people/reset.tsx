import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask, onceKey } from '../../../api/client'
import { TypedButton } from '../../../ui/typed'
import { changed, type Person } from '../ask'
import { OnceLink } from './link'

/** A link for who lost password or authenticator. Sessions end at once. */
export function Reset({ person: p }: { person: Person }) {
  const { t } = useTranslation('admin')
  const reset = useMutation({
    mutationFn: () => ask(api.POST('/v1/people/{person}/reset', { params: { path: { person: p.id }, header: onceKey() } })),
    onSuccess: () => changed('invitations'),
  })
  return (
    <section className="stack-s">
      <h2>{t('reset.title')}</h2>
      {reset.data ? (
        <OnceLink of={reset.data} kind="reset" />
      ) : (
        <>
          <p>{t('reset.text')}</p>
          <div>
            <TypedButton title={t('reset.sure', { name: p.name })} name={p.name} button={t('reset.do')} act={{ ...reset, mutate: () => reset.mutate() }}>
              <p>{t('reset.goes')}</p>
            </TypedButton>
          </div>
        </>
      )}
    </section>
  )
}
