// What the sections ask of the API, each under one key, so that a change is seen in all.
import { useQuery } from '@tanstack/react-query'
import { all, api, ask, queries, type Schemas } from '../../api/client'

export type Person = Schemas['Person']
export type Invitation = Schemas['Invitation']
export type Token = Schemas['Token']
export type Webhook = Schemas['Webhook']
export type PartyInfo = Schemas['PartyInfo']
export type Draft = Schemas['Draft']

const page = (cursor: string | undefined) => ({ params: { query: { limit: 200, ...(cursor ? { cursor } : {}) } } })

export const usePeople = (enabled = true) => useQuery({ queryKey: ['people'], enabled, queryFn: () => all((c) => ask(api.GET('/v1/people', page(c)))) })

export const useInvitations = (enabled = true) => useQuery({ queryKey: ['invitations'], enabled, queryFn: () => all((c) => ask(api.GET('/v1/invitations', page(c)))) })

export const useTokens = () => useQuery({ queryKey: ['tokens'], queryFn: () => all((c) => ask(api.GET('/v1/tokens', page(c)))) })

export const useWebhooks = (enabled = true) => useQuery({ queryKey: ['webhooks'], enabled, queryFn: () => all((c) => ask(api.GET('/v1/webhooks', page(c)))) })

export const useParties = () => useQuery({ queryKey: ['parties'], queryFn: () => all((c) => ask(api.GET('/v1/parties', page(c)))) })

export const useDrafts = (enabled: boolean) => useQuery({ queryKey: ['drafts'], enabled, queryFn: async () => (await ask(api.GET('/v1/drafts', {}))).items })

/** What was read may have changed: it is read again. */
export const changed = (...keys: string[]) => Promise.all(keys.map((k) => queries.invalidateQueries({ queryKey: [k] })))

/** The address under which somebody takes up an invitation. Its token stands behind
 * the #, which is sent to no server. */
export const inviteLink = (token: string) => `${location.origin}/invitation#${encodeURIComponent(token)}`
