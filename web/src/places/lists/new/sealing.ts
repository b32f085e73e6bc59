// To whom a list is sealed: the key that was shown, of which the page makes the
// fingerprint itself. One that the server says beside it would be that of any key.
import type { Schemas } from '../../../api/client'
import { sealingFingerprint } from '../../../crypto/fingerprint'
import type { Begin } from '../../../desk/uploads'
import type { Options } from '../../../desk/protocol'
import type { Where } from './index'

type Terms = Schemas['Terms']

export const shownKey = (terms: Terms) => sealingFingerprint(terms.key)

/** What is sealed under terms as they are now; undefined where they are of another key
 * than somebody saw, and may have compared. */
export function sealingOf(where: Pick<Where, 'list' | 'change'> & { taker: { id: string } }, ready: Options, shown: Terms, now: Terms): Begin['options'] | undefined {
  if (now.key !== shown.key || now.entrustment !== where.taker.id) return undefined
  return { ...ready, entrustment: now.entrustment, version: now.version, party: now.party, key: now.key, list: where.list, change: where.change }
}
