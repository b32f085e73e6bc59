// The public API, and nothing else: typed by the contract as the server gives it.
import createClient, { type Middleware } from 'openapi-fetch'
import { QueryClient } from '@tanstack/react-query'
import type { components, paths } from './schema'

export type Schemas = components['schemas']
export type Problem = Schemas['Problem']

/** What the server refused, or that it gave no answer (code E_OFFLINE, status 0). */
export class Refusal extends Error {
  readonly problem: Problem
  /** Seconds after which it may be asked again; 0: it says nothing of that. */
  readonly retryAfter: number
  constructor(problem: Problem, retryAfter = 0) {
    super(problem.detail)
    this.problem = problem
    this.retryAfter = retryAfter
  }
  get code() {
    return this.problem.code
  }
  /** The request's id, which the operator's log has too. */
  get request() {
    return this.problem.instance.split(':').pop() ?? ''
  }
}

type Expired = () => Promise<void>
let onExpired: Expired | undefined

/** What happens when the session ended while somebody works: the promise ends once
 * they have signed in again, and what was asked is asked once more. */
export function whenExpired(f: Expired | undefined) {
  onExpired = f
}

const again = new WeakMap<Request, Request>()

const session: Middleware = {
  onRequest({ request }) {
    again.set(request, request.clone())
    return undefined
  },
  async onResponse({ request, response }) {
    const kept = again.get(request)
    again.delete(request)
    if (response.status !== 401 || !kept || !onExpired || new URL(request.url).pathname === '/v1/session') return undefined
    await onExpired()
    return fetch(kept)
  },
  onError() {
    return new Refusal({ type: 'urn:awase:refused', title: '', status: 0, instance: '', code: 'E_OFFLINE', detail: '' })
  },
}

export const api = createClient<paths>({ baseUrl: '/' })
api.use(session)

type Answer<T> = { data?: T; error?: unknown; response: Response }

/** Gives the data of an answer, and throws a Refusal of any other. */
export async function ask<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await answer
  if (response.ok) return data as T
  throw refusalOf(error, response)
}

export function refusalOf(error: unknown, response: Response): Refusal {
  const retry = Number(response.headers.get('Retry-After') ?? 0) || 0
  if (typeof error === 'object' && error !== null && 'code' in error) return new Refusal(error as Problem, retry)
  const id = response.headers.get('X-Request-Id') ?? ''
  return new Refusal({ type: 'urn:awase:refused', title: response.statusText, status: response.status, instance: `urn:awase:request:${id}`, code: 'E_INTERNAL', detail: '' }, retry)
}

/** A key under which a POST is done once, however often it is sent. */
export const onceKey = () => ({ 'Idempotency-Key': randomKey() })

/** 128 random bits, where the address is plain http, too. */
export const randomKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')

/** All pages of a list. */
export async function all<T>(page: (cursor: string | undefined) => Promise<{ items: T[]; next?: string }>): Promise<T[]> {
  const out: T[] = []
  let cursor: string | undefined
  do {
    const p = await page(cursor)
    out.push(...p.items)
    cursor = p.next
  } while (cursor)
  return out
}

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What one comes back to is read anew: others change it meanwhile.
      staleTime: 2_000,
      // What was refused is refused again; what did not come may come.
      retry: (n, err) => err instanceof Refusal && (err.problem.status === 0 || err.problem.status === 503) && n < 3,
    },
    mutations: { retry: false },
  },
})
