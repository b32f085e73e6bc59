// What the places of reports read of the API, under one key each.
import { useQuery } from '@tanstack/react-query'
import { all, api, ask, Refusal, type Schemas } from '../../api/client'
import { has, type Me } from '../../api/me'

export type Report = Schemas['Report']
export type Job = Schemas['Job']

const page = (cursor: string | undefined) => ({ limit: 200, ...(cursor ? { cursor } : {}) })

export const useEntrustments = () => useQuery({ queryKey: ['entrustments'], queryFn: () => all((c) => ask(api.GET('/v1/entrustments', { params: { query: page(c) } }))), staleTime: 30_000 })

export const useCampaigns = () => useQuery({ queryKey: ['campaigns'], queryFn: () => all((c) => ask(api.GET('/v1/campaigns', { params: { query: page(c) } }))), staleTime: 30_000 })

export const useGate = () => useQuery({ queryKey: ['gate'], queryFn: () => ask(api.GET('/v1/gate', {})), staleTime: 300_000 })

/** The budgets, for those who may read them. */
export const useLedger = (me: Me | null | undefined) => useQuery({ queryKey: ['ledger'], queryFn: ledger, enabled: has(me, 'admin', 'privacy', 'marketing', 'auditor'), staleTime: 15_000 })

async function ledger(): Promise<Schemas['Ledger']> {
  try {
    return await ask(api.GET('/v1/ledger', {}))
  } catch (err) {
    // Before its key ceremony the room does not know even the operator: nobody has a budget.
    if (err instanceof Refusal && err.code === 'E_NOT_FOUND') return { at: new Date().toISOString(), accounts: [] }
    throw err
  }
}

export const useAttributes = (entrustment: string) =>
  useQuery({
    queryKey: ['attributes', entrustment],
    queryFn: async () => (await ask(api.GET('/v1/entrustments/{entrustment}/attributes', { params: { path: { entrustment } } }))).items,
    enabled: entrustment !== '',
    staleTime: 60_000,
  })

export type Column = { name: string; domain: string[]; ordered: boolean }
export type ListOf = { name: string; columns: Column[]; own: boolean }

/** The lists that questions under an entrustment may name: of one's own party with their
 * columns, of another by their names, which the contract's sides may see. */
export const useLists = (entrustment: string) =>
  useQuery({
    queryKey: ['lists', entrustment, 'names'],
    enabled: entrustment !== '',
    queryFn: async (): Promise<ListOf[]> => {
      const at = { params: { path: { entrustment } } }
      const [own, kept] = await Promise.all([ask(api.GET('/v1/entrustments/{entrustment}/lists', at)), ask(api.GET('/v1/entrustments/{entrustment}/retention', at))])
      const out = own.items.map((l) => ({ name: l.name, columns: (l.versions[0]?.columns ?? []).map((d) => ({ ...d, ordered: false })), own: true }))
      for (const e of kept.items) if (e.what === 'list' && e.name && !e.expired_at && !out.some((l) => l.name === e.name)) out.push({ name: e.name, columns: [], own: false })
      return out
    },
  })

export const useReports = (enabled = true) => useQuery({ queryKey: ['reports'], enabled, queryFn: () => all((c) => ask(api.GET('/v1/reports', { params: { query: page(c) } }))), refetchInterval: 30_000 })

/** Jobs of questions, newest first: those of the last hundred of either kind. */
export const useJobs = () =>
  useQuery({
    queryKey: ['jobs', 'questions'],
    queryFn: async (): Promise<Job[]> => {
      const of = (kind: string) => ask(api.GET('/v1/jobs', { params: { query: { kind, limit: 100 } } }))
      const [reports, cubes] = await Promise.all([of('report'), of('cube')])
      return [...reports.items, ...cubes.items].sort((a, b) => b.created.localeCompare(a.created))
    },
    refetchInterval: (q) => (q.state.data?.some(running) ? 1500 : 30_000),
  })

export const running = (j: Job) => j.state === 'waiting' || j.state === 'running'

export const useSchedules = () => useQuery({ queryKey: ['schedules'], queryFn: () => all((c) => ask(api.GET('/v1/schedules', { params: { query: page(c) } }))) })
