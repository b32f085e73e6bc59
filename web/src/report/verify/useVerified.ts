// The checks of a release, run once for all who show them.
import { useQuery } from '@tanstack/react-query'
import { api, ask, Refusal } from '../../api/client'
import { logSize, receiptOf } from '../release'
import type { Read } from '../useRelease'
import { forgetPin, keepCheckpoint, readPin, trust, type Pin } from './pin'
import { isKey, verify, type VerifyAnswer } from './verify'

/** What came of it. ok: every check holds, and the key is the one that is kept. */
export type Checked = { answer: VerifyAnswer; ok: boolean; pin: Pin | undefined; changed: boolean; served: string; growth: 'own' | 'none' }

const files = new WeakMap<Uint8Array, number>()
let last = 0

/** What a check is of: these very bytes. By what its receipt says of itself, one that was
 * put under other numbers would have what came of the genuine one. */
export function checkOf(read: Read): [string, number] {
  let n = files.get(read.bytes)
  if (!n) files.set(read.bytes, (n = ++last))
  return ['verified', n]
}

export function useVerified(read: Read) {
  return useQuery({ queryKey: checkOf(read), queryFn: () => checked(read, !!read.release.privacy.practice), staleTime: Infinity, retry: false })
}

/** Runs the checks: by the key kept on this device, or the one that the server shows. */
export async function checked(read: Read, practice: boolean): Promise<Checked> {
  const served = (await ask(api.GET('/v1/log/key', {}))).key
  // The key of a room to rehearse in is new with each room: it is not kept.
  const kept = readPin(localStorage)
  if (kept && !(await isKey(kept.line))) forgetPin(localStorage) // damaged: it is none
  const { pin, changed } = practice ? { pin: undefined, changed: false } : trust(localStorage, served, new Date())
  const own = await proofSince(receiptOf(read.release).log?.checkpoint)
  const held = pin?.checkpoint && !changed ? { of: pin.checkpoint, ...(await proofSince(pin.checkpoint)) } : undefined
  const proofs = [...(own.proof ? [{ proof: own.proof }] : []), ...(held?.proof ? [{ held: held.of, proof: held.proof }] : [])]
  const answer = await verify(read.bytes, { key: pin?.line ?? served, growth: proofs })
  const came = [...answer.growth]
  const growth = [...(own.proof ? [came.shift()!] : own.shorter ? [without(own)] : []), ...(held?.proof ? [came.shift()!] : held ? [without(held)] : [])]
  const ok = answer.verified && !changed && growth.every((g) => g.outcome !== 'fails')
  if (!practice && own.proof && ok) keepCheckpoint(localStorage, (JSON.parse(own.proof) as { checkpoint: string }).checkpoint)
  return { answer: { ...answer, growth }, ok, pin, changed, served, growth: own.proof || own.shorter ? 'own' : 'none' }
}

/** A proof as the room wrote it; shorter: there is none, for the log does not reach that
 * far any more, in the words of the room. Neither: it could not be asked. */
type Proof = { proof?: string; shorter?: string }

const without = (p: Proof): VerifyAnswer['growth'][number] => ({ check: 'growth', outcome: p.shorter ? 'fails' : 'unchecked', ...(p.shorter ? { says: p.shorter } : {}), from: 0, to: 0 })

/** The proof that the log only grew since a checkpoint. */
async function proofSince(checkpoint: string | undefined): Promise<Proof> {
  const from = logSize(checkpoint)
  if (!from) return {}
  try {
    const text: unknown = await ask(api.GET('/v1/log/proof', { params: { query: { from } }, parseAs: 'text' }))
    return { proof: String(text) }
  } catch (err) {
    // Of a size that it had the room has a proof, unless it lost what it had.
    if (err instanceof Refusal && err.problem.status === 422) return { shorter: err.problem.detail }
    return {} // the panel says that it was not checked
  }
}
