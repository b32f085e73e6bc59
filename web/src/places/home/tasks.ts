// What waits for somebody, by what their roles may read: each with where it is done.
import { useQueries, useQuery } from '@tanstack/react-query'
import { api, ask, type Schemas } from '../../api/client'
import { has, type Me } from '../../api/me'
import { endOf, over, newest, uploader, type Info } from '../entrustments/contract'
import { running, useEntrustments, useSchedules } from '../reports/data'

export type Task = { id: string; tone: 'warn' | 'bad' | 'info'; what: string; values: Record<string, string | number>; to?: string; at?: string; draft?: Schemas['Draft'] }

const day = 86_400_000
const soon = 14
const recent = 7 * day

/** Lists that somebody has to send anew before they expire, soonest first. */
export function expiring(lists: { entrustment: string; list: Schemas['List'] }[], now: number): Task[] {
  return lists
    .filter(({ list }) => list.versions.length > 0 && Date.parse(list.expires_at) - now < soon * day)
    .sort((a, b) => Date.parse(a.list.expires_at) - Date.parse(b.list.expires_at))
    .map(({ entrustment, list }) => ({ id: `list-${entrustment}-${list.name}`, tone: 'warn', what: 'list', values: { name: list.name, entrustment }, at: list.expires_at, to: `/lists/${entrustment}/${list.name}` }))
}

/** Contracts of the party that run out within two months, soonest first. */
export function ending(contracts: Info[], now: number): Task[] {
  return contracts
    .filter((e) => !over(e) && e.state !== 'upcoming')
    .map((e) => ({ e, until: Date.parse(endOf(newest(e).until)) }))
    .filter(({ until }) => until - now < 60 * day)
    .sort((a, b) => a.until - b.until)
    .map(({ e }) => ({ id: `contract-${e.id}`, tone: 'warn', what: e.state === 'expired' ? 'expired' : 'contract', values: { id: e.id, day: newest(e).until }, to: `/entrustments/${e.id}` }))
}

/** Loads of lists and logs that were refused in the last week; of one list the newest alone,
 * and none where a later one was taken. */
export function refusedLoads(jobs: Schemas['Job'][], now: number): Task[] {
  const seen = new Set<string>()
  const out: Task[] = []
  for (const j of [...jobs].sort((a, b) => b.created.localeCompare(a.created))) {
    const s = j.subject as { entrustment?: string; name?: string }
    const of = `${j.kind}/${s.entrustment ?? ''}/${s.name ?? ''}`
    if (running(j) || seen.has(of)) continue
    seen.add(of)
    if (j.state === 'failed' && now - Date.parse(j.ended ?? j.created) < recent) out.push({ id: j.id, tone: 'bad', what: `load.${j.kind}`, values: { name: s.name ?? '', entrustment: s.entrustment ?? '', code: j.reason?.code ?? '' }, at: j.ended ?? j.created, to: '/lists' })
  }
  return out
}

/** All that waits for who is signed in, what is worst first. */
export function useTasks(me: Me, now: number): { tasks: Task[]; pending: boolean; error: unknown; again: () => void } {
  const officer = has(me, 'privacy', 'admin', 'auditor')
  const contracts = useEntrustments()
  const uploads = has(me, 'adops') ? (contracts.data ?? []).filter((e) => !over(e) && uploader(newest(e)) === me.party) : []
  const lists = useQueries({ queries: uploads.map((e) => ({ queryKey: ['lists', e.id], queryFn: () => ask(api.GET('/v1/entrustments/{entrustment}/lists', { params: { path: { entrustment: e.id } } })) })) })
  const jobs = useQuery({
    queryKey: ['jobs', 'loads'],
    enabled: has(me, 'adops'),
    queryFn: async () => (await Promise.all((['list', 'events', 'base'] as const).map((kind) => ask(api.GET('/v1/jobs', { params: { query: { kind, limit: 50 } } }))))).flatMap((p) => p.items),
  })
  const drafts = useQuery({ queryKey: ['drafts', 'todo'], queryFn: () => ask(api.GET('/v1/drafts', {})), enabled: officer })
  const hooks = useQuery({ queryKey: ['webhooks', 'todo'], queryFn: () => ask(api.GET('/v1/webhooks', { params: { query: { limit: 200 } } })), enabled: has(me, 'admin') })
  const invitations = useQuery({ queryKey: ['invitations', 'todo'], queryFn: () => ask(api.GET('/v1/invitations', { params: { query: { limit: 200 } } })), enabled: has(me, 'admin') })
  const schedules = useSchedules()
  const marketing = has(me, 'marketing')
  const tasks: Task[] = [
    ...refusedLoads(jobs.data ?? [], now),
    ...(drafts.data?.items ?? []).map((d): Task => ({ id: d.hash, tone: 'info', what: d.needs.includes(me.party) ? 'draft' : 'draftElsewhere', values: { act: d.statement.act, id: d.statement.id, parties: d.needs.join(', ') }, at: d.at, draft: d })),
    ...(hooks.data?.items ?? []).filter((h) => !h.enabled && h.disabled_by && h.disabled_by !== 'person').map((h): Task => ({ id: h.id, tone: 'bad', what: 'hook', values: { url: h.url }, to: '/admin/webhooks' })),
    ...(marketing ? (schedules.data ?? []) : []).filter((s) => s.state === 'paused' && s.reason).map((s): Task => ({ id: s.id, tone: 'warn', what: 'schedule', values: { name: s.name }, to: '/reports/schedules' })),
    ...expiring(uploads.flatMap((e, i) => (lists[i]?.data?.items ?? []).map((list) => ({ entrustment: e.id, list }))), now),
    ...(officer ? ending(contracts.data ?? [], now) : []),
    ...(invitations.data?.items ?? []).map((i): Task => ({ id: i.id, tone: 'info', what: i.person ? 'reset' : 'invitation', values: { name: i.name, party: i.party }, at: i.ends, to: '/admin/people' })),
  ]
  const all = [contracts, jobs, drafts, hooks, invitations, schedules, ...lists]
  return {
    tasks,
    pending: all.some((q) => q.isLoading),
    error: all.find((q) => q.error)?.error,
    again: () => void Promise.all(all.filter((q) => q.error).map((q) => q.refetch())),
  }
}
