import { useEffect } from 'react'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask, type Schemas } from '../../api/client'
import { entered, useWays, type Me } from '../../api/me'
import { Button } from '../../ui/button'
import { Load, Refused } from '../../ui/state'
import { spoken } from '../../words'
import { SignInForm } from './form'
import { OidcRefused } from './oidc'

type Rehearser = NonNullable<Schemas['Ways']['practice']>[number]

/** Signing in: by password, by the party's own provider, or, in a room to rehearse in,
 * as any role with one click. */
export default function SignIn() {
  const { t } = useTranslation('door')
  useEffect(() => {
    document.title = `${t('title')} · Awase`
  }, [t])
  const ways = useWays()
  return (
    <Load of={ways}>
      {(w) => (
        <>
          {w.setup && (
            <div className="panel">
              <h2>{t('setup.title')}</h2>
              <p>{t('setup.text')}</p>
              <a className="button" href={`/setup?lang=${spoken()}`}>
                {t('setup.go')}
              </a>
            </div>
          )}
          {w.practice && <Practice people={w.practice} />}
          <div className="panel stack">
            <h1>{t('title')}</h1>
            <OidcRefused />
            <SignInForm />
            {w.oidc && (
              <p className="row">
                <a className="button" href="/v1/oidc/start">
                  {t('oidc')}
                </a>
              </p>
            )}
            <p className="small quiet">{t('lost')}</p>
          </div>
        </>
      )}
    </Load>
  )
}

/** Enters as somebody. Nobody chose the language that their account was made with: it
 * becomes that of who rehearses. */
async function rehearse(person: string): Promise<Me> {
  const me = await ask(api.POST('/v1/practice/session', { body: { person } }))
  return me.language === spoken() ? me : ask(api.PATCH('/v1/me', { body: { language: spoken() } }))
}

function Practice({ people }: { people: Rehearser[] }) {
  const { t } = useTranslation(['door', 'shell'])
  const enter = useMutation({ mutationFn: rehearse, onSuccess: entered })
  const parties = [...new Set(people.map((p) => p.party))]
  return (
    <section className="panel" aria-labelledby="practice">
      <h1 id="practice">{t('practice.title')}</h1>
      <p>{t('practice.text')}</p>
      <Refused error={enter.error} />
      <div className="stack">
        {parties.map((party) => (
          <div key={party} className="stack-s">
            <h2>{party}</h2>
            <div className="row">
              {people
                .filter((p) => p.party === party)
                .map((p) => (
                  <Button key={p.id} isDisabled={enter.isPending} onPress={() => enter.mutate(p.id)}>
                    {t(`shell:role.${p.role}`)}
                  </Button>
                ))}
            </div>
          </div>
        ))}
      </div>
    </section>
  )
}
