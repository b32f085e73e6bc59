// What an upload asks of the room, besides sending its bytes.
import { api, ask, Refusal, type Schemas } from '../api/client'

type Job = Schemas['Job']

const idOf = (path: string) => path.split('/').pop() ?? ''

/** What became of an upload; undefined: the room knows none. Asked of the list, which
 * answers whether or not it is there. */
export async function uploadOf(path: string): Promise<Schemas['Upload'] | undefined> {
  let cursor: string | undefined
  do {
    const page = await ask(api.GET('/v1/uploads', { params: { query: { limit: 100, ...(cursor ? { cursor } : {}) } } }))
    const found = page.items.find((u) => u.id === idOf(path))
    if (found) return found
    cursor = page.next
  } while (cursor)
  return undefined
}

/** Waits until somebody is signed in again: what is refused for want of a session is
 * asked again once the shell has one. */
export const signedIn = () => ask(api.GET('/v1/me', {}))

/** Whether it is this person's session by which the room answers now. */
export const isHere = async (person: string) => (await ask(api.GET('/v1/me', {}))).id === person

/** Has an upload loaded: under one key one job, however often it is asked. */
export const load = (path: string, entrustment: string, name: string, key: string): Promise<Job> =>
  ask(api.POST('/v1/lists', { params: { header: { 'Idempotency-Key': key } }, body: { upload: idOf(path), entrustment, name } }))

export const job = (id: string): Promise<Job> => ask(api.GET('/v1/jobs/{job}', { params: { path: { job: id } } }))

/** Takes an upload out of the room's inbox. One that is gone already is no fault. */
export async function takeBack(path: string) {
  try {
    await ask(api.DELETE('/v1/uploads/{upload}', { params: { path: { upload: idOf(path) }, header: { 'Tus-Resumable': '1.0.0' } } }))
  } catch (err) {
    if (!(err instanceof Refusal) || (err.problem.status !== 404 && err.problem.status !== 410)) throw err
  }
}
