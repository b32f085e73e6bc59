// The checks of a release, run once for all who show them.
import { useQuery } from '@tanstack/react-query'
import { api, ask } from '../../api/client'
import { logSize, receiptOf } from '../release'
import type { Read } from '../useRelease'
import { forgetPin, keepCheckpoint, readPin, trust, type Pin } from './pin'
import { isKey, verify, type VerifyAnswer } from './verify'

/** What came of it. ok: every check holds, and the key is the one that is kept. */
export type Checked = { answer: VerifyAnswer; ok: boolean; pin: Pin | undefined; changed: boolean; served: string; growth: 'own' | 'none' }

export function useVerified(read: Read) {
  const log = receiptOf(read.release).log
  return useQuery({ queryKey: ['verified', log?.checkpoint, log?.index], queryFn: () => checked(read, !!read.release.privacy.practice), staleTime: Infinity, retry: false })
}

/** Runs the checks: by the key kept on this device, or the one that the server shows. */
async function checked(read: Read, practice: boolean): Promise<Checked> {
  const served = (await ask(api.GET('/v1/log/key', {}))).key
  // The key of a room to rehearse in is new with each room: it is not kept.
  const kept = readPin(localStorage)
  if (kept && !(await isKey(kept.line))) forgetPin(localStorage) // damaged: it is none
  const { pin, changed } = practice ? { pin: undefined, changed: false } : trust(localStorage, served, new Date())
  const own = await proofSince(receiptOf(read.release).log?.checkpoint)
  const held = pin?.checkpoint && !changed ? await proofSince(pin.checkpoint) : undefined
  const growth = [...(own ? [{ proof: own }] : []), ...(held ? [{ held: pin!.checkpoint!, proof: held }] : [])]
  const answer = await verify(read.bytes, { key: pin?.line ?? served, growth })
  const ok = answer.verified && !changed && answer.growth.every((g) => g.outcome === 'holds')
  if (!practice && own && ok) keepCheckpoint(localStorage, (JSON.parse(own) as { checkpoint: string }).checkpoint)
  return { answer, ok, pin, changed, served, growth: own ? 'own' : 'none' }
}

/** The proof that the log only grew since a checkpoint, as the room wrote it; undefined
 * where it gives none. */
async function proofSince(checkpoint: string | undefined): Promise<string | undefined> {
  const from = logSize(checkpoint)
  if (!from) return undefined
  try {
    const text: unknown = await ask(api.GET('/v1/log/proof', { params: { query: { from } }, parseAs: 'text' }))
    return String(text)
  } catch {
    return undefined // The panel says that it was not checked.
  }
}
