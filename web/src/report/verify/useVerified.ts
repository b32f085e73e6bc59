// The checks of a release, run once for all who show them.
import { useQuery } from '@tanstack/react-query'
import { api, ask, Refusal } from '../../api/client'
import { grown, type Told } from './growth'
import { logSize, receiptOf } from '../release'
import type { Read } from '../useRelease'
import { forgetPin, keepCheckpoint, readPin, trust, type Pin } from './pin'
import { isKey, verify, type Finding, type VerifyAnswer } from './verify'

/** What came of it. ok: every check holds, and the key is the one that is kept. practice:
 * the room is one to rehearse in; before: whose key was kept until now, as it was made anew. */
export type Checked = { answer: VerifyAnswer; ok: boolean; pin: Pin; changed: boolean; practice: boolean; before?: Pin; served: string; growth: { name: string; finding: Finding }[] }

const files = new WeakMap<Uint8Array, number>()
let known = 0

/** What a check is of: these very bytes. By what its receipt says of itself, one that was
 * put under other numbers would have what came of the genuine one. */
export function checkOf(read: Read): [string, number] {
  let n = files.get(read.bytes)
  if (!n) files.set(read.bytes, (n = ++known))
  return ['verified', n]
}

export function useVerified(read: Read) {
  return useQuery({ queryKey: checkOf(read), queryFn: () => checked(read), staleTime: Infinity, retry: false })
}

/** Runs the checks by the key kept on this device, whatever the report says of itself: that
 * it is practice is said by what is to be checked. */
export async function checked(read: Read): Promise<Checked> {
  const [{ key: served }, { practice }] = await Promise.all([ask(api.GET('/v1/log/key', {})), ask(api.GET('/v1/room', {}))])
  const kept = readPin(localStorage)
  if (kept && !(await isKey(kept.line))) forgetPin(localStorage) // damaged: it is none
  const { pin, changed, before } = trust(localStorage, served, new Date(), practice)
  const told: Told[] = [{ name: 'growth', of: await proofSince(receiptOf(read.release).log?.checkpoint) }]
  if (pin.checkpoint && !changed) told.push({ name: 'growthHeld', held: pin.checkpoint, of: await proofSince(pin.checkpoint) })
  const proofs = told.flatMap(({ held, of }) => ('proof' in of ? [{ ...(held ? { held } : {}), proof: of.proof }] : []))
  const answer = await verify(read.bytes, { key: pin.line, growth: proofs })
  const growth = grown(told, answer.growth)
  const ok = answer.verified && !changed && growth.every((g) => g.finding.outcome !== 'fails')
  const last = told[0]!.of
  if (ok && 'proof' in last) keepCheckpoint(localStorage, (JSON.parse(last.proof) as { checkpoint: string }).checkpoint)
  return { answer, ok, pin, changed, practice, ...(before ? { before } : {}), served, growth }
}

/** The proof that the log only grew since a checkpoint, as the room wrote it; or that it
 * refuses one, as of a log that is longer than its own; or that none came. */
async function proofSince(checkpoint: string | undefined): Promise<Told['of']> {
  const from = logSize(checkpoint)
  if (!from) return {}
  try {
    const text: unknown = await ask(api.GET('/v1/log/proof', { params: { query: { from } }, parseAs: 'text' }))
    return { proof: String(text) }
  } catch (err) {
    return err instanceof Refusal && err.code === 'E_SPEC' ? { refused: err.problem.detail } : {}
  }
}
