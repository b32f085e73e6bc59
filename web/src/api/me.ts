import { useQuery } from '@tanstack/react-query'
import { api, ask, queries, Refusal, type Schemas } from './client'
import { nowHere, whenSomebodyComes } from './whose'

export type Me = Schemas['Me']
export type Role = Schemas['Roles'][number]

/** Who is signed in; null: nobody. */
export function useMe() {
  return useQuery({
    queryKey: ['me'],
    queryFn: async (): Promise<Me | null> => {
      const me = await whoIsHere()
      nowHere(me)
      return me
    },
    staleTime: 60_000,
  })
}

/** Looks anew who is signed in once somebody came in another tab. */
export const followSession = () => whenSomebodyComes(() => void queries.invalidateQueries({ queryKey: ['me'] }))

async function whoIsHere(): Promise<Me | null> {
  // Of somebody who was there it is asked itself: a session that ended is begun
  // again over the page, which would else give way to the door with all that was typed.
  if (queries.getQueryData(['me'])) return ask(api.GET('/v1/me', {}))
  return whoCame()
}

/** Who has come, in whichever tab; null: nobody. */
export async function whoCame(): Promise<Me | null> {
  const ways = await ask(api.GET('/v1/session/ways', {}))
  queries.setQueryData(['ways'], ways)
  return ways.signed_in ? ask(api.GET('/v1/me', {})) : null
}

/** How one may sign in here, and whether one is. */
export const useWays = () => useQuery({ queryKey: ['ways'], queryFn: () => ask(api.GET('/v1/session/ways', {})) })

export const useRoom = () => useQuery({ queryKey: ['room'], queryFn: () => ask(api.GET('/v1/room', {})), staleTime: 30_000, refetchInterval: 60_000 })

export const has = (me: Me | null | undefined, ...roles: Role[]) => !!me && roles.some((r) => me.roles.includes(r))

/** Signs in; totp: the one-time code, where the account asks for one. */
export async function signIn(email: string, password: string, totp: string): Promise<Me> {
  const me = await ask(api.POST('/v1/session', { body: { email, password, ...(totp ? { totp } : {}) } }))
  entered(me)
  return me
}

/** Says who has entered. */
export function entered(me: Me) {
  nowHere(me)
  queries.setQueryData(['me'], me)
}

export async function signOut() {
  try {
    await ask(api.DELETE('/v1/session', {}))
  } catch (err) {
    if (!(err instanceof Refusal) || err.problem.status !== 401) throw err
  }
  // Who is shown goes first: what still asks is asking for nobody.
  queries.setQueryData(['me'], null)
  queries.removeQueries({ predicate: (q) => q.queryKey[0] !== 'me' })
}
