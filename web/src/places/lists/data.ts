// What the screens of lists ask of the room.
import { useQuery } from '@tanstack/react-query'
import { all, api, ask, type Schemas } from '../../api/client'
import { useMe, type Me } from '../../api/me'

export type List = Schemas['List']
export type Version = Schemas['ListVersion']

/** contract.yaml, of which the contract of the API says only that it is one. */
export type Contract = {
  id: string
  flow: string
  principal: string
  trustee: string
  purpose: 'statistics' | 'advertising' | 'improvement'
  basis: { party: string }[]
  identifiers: string[]
  list_columns?: string[]
  outputs: string[]
  max_list_rows?: number
  retention: Record<string, string>
  until: string
}

/** An entrustment under which the party's lists may be uploaded. */
export type Taker = { id: string; version: number; state: Schemas['EntrustmentState']; endsAt?: string; contract: Contract }

/** Lists are of the party whose users are joined; the operator's own are its base. */
const takesListsOf = (c: Contract, me: Me) => !me.operator && c.basis.some((b) => b.party === me.party)

async function takers(me: Me): Promise<Taker[]> {
  const items = await all((cursor) => ask(api.GET('/v1/entrustments', { params: { query: { limit: 100, ...(cursor ? { cursor } : {}) } } })))
  const out: Taker[] = []
  for (const e of items) {
    const v = e.versions[0]
    if (!v) continue
    const contract = v.contract as unknown as Contract
    if (takesListsOf(contract, me)) out.push({ id: e.id, version: v.version, state: e.state, endsAt: e.ends_at, contract })
  }
  return out
}

/** Entrustments that lists of the party are under, ended ones too. */
export function useTakers() {
  const me = useMe().data
  return useQuery({ queryKey: ['entrustments', 'takers', me?.id], queryFn: () => takers(me as Me), enabled: !!me })
}

export type Row = { taker: Taker; list: List }

/** All lists of the party, newest first. */
export function useAllLists(of: Taker[] | undefined) {
  return useQuery({
    queryKey: ['lists', 'all', of?.map((t) => t.id)],
    enabled: !!of,
    queryFn: async (): Promise<Row[]> => {
      const under = (of ?? []).filter((t) => t.state !== 'destroyed')
      const found = await Promise.all(under.map(async (taker) => (await listsOf(taker.id)).map((list) => ({ taker, list }))))
      return found.flat().sort((a, b) => (newest(b.list)?.at ?? '').localeCompare(newest(a.list)?.at ?? ''))
    },
  })
}

const listsOf = async (entrustment: string) => (await ask(api.GET('/v1/entrustments/{entrustment}/lists', { params: { path: { entrustment } } }))).items

export const useLists = (entrustment: string | undefined) => useQuery({ queryKey: ['lists', 'of', entrustment], enabled: !!entrustment, queryFn: () => listsOf(entrustment ?? '') })

export const newest = (l: List): Version | undefined => l.versions.reduce<Version | undefined>((a, v) => (!a || v.version > a.version ? v : a), undefined)

export const useList = (entrustment: string, list: string) =>
  useQuery({ queryKey: ['lists', entrustment, list], queryFn: () => ask(api.GET('/v1/lists/{entrustment}/{list}', { params: { path: { entrustment, list } } })) })

export const useTerms = (entrustment: string | undefined) =>
  useQuery({ queryKey: ['terms', entrustment], enabled: !!entrustment, staleTime: 0, queryFn: () => ask(api.GET('/v1/entrustments/{entrustment}/terms', { params: { path: { entrustment: entrustment ?? '' } } })) })

/** How many rows reports need of a list. */
export function useFloor() {
  const gate = useQuery({ queryKey: ['gate'], queryFn: () => ask(api.GET('/v1/gate', {})), staleTime: 300_000 })
  return Number(gate.data?.settings.find((s) => s.key === 'list_floor')?.value ?? 1000)
}

/** Who asked for which version of a list: of the jobs that are remembered. */
export function useLoads(entrustment: string, list: string) {
  return useQuery({
    queryKey: ['lists', 'loads', entrustment, list],
    queryFn: async () => {
      const jobs = await all((cursor) => ask(api.GET('/v1/jobs', { params: { query: { kind: 'list', limit: 100, ...(cursor ? { cursor } : {}) } } })))
      return jobs.filter((j) => {
        const s = j.subject as { entrustment?: string; name?: string }
        return s.entrustment === entrustment && s.name === list
      })
    },
  })
}
