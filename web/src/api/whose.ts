// What one person leaves in a tab is not the next one's to see: they may be of another
// party, whose reports and lists these were.
import { queries } from './client'
import type { Me } from './me'

type Store = Pick<Storage, 'length' | 'key' | 'getItem' | 'setItem' | 'removeItem'>

const whose = 'awase.person'

/** The name under which something is kept in the browser for one person. */
export const ownKey = (person: string, what: string) => `${own}${person}.${what}`
const own = 'awase.of.'

/** Says who is at this tab now; of who was there before it forgets what was asked of the
 * room and, with other hands at it, the questions that were begun and what was kept of
 * theirs. */
export function nowHere(me: Me | null, store: Store = sessionStorage, lasting: Store = localStorage) {
  const was = queries.getQueryData<Me | null>(['me'])
  if (was && was.id !== me?.id) queries.removeQueries({ predicate: (q) => q.queryKey[0] !== 'me' })
  if (!me) return
  try {
    for (const k of keysOf(lasting)) if (k.startsWith(own) && !k.startsWith(ownKey(me.id, ''))) lasting.removeItem(k)
    if (store.getItem(whose) !== me.id) {
      for (const k of keysOf(store)) if (k.startsWith('awase.')) store.removeItem(k)
      store.setItem(whose, me.id)
      tell()
    }
  } catch {
    // A browser that keeps nothing has nothing of anybody.
  }
}

/** Tells the other tabs, whose session it is too, that somebody came: what they show and
 * send is of who was there before. */
function tell() {
  const to = new BroadcastChannel(whose)
  to.postMessage('')
  to.close()
}

/** Calls f when somebody came in another tab; gives what ends that. */
export function whenSomebodyComes(f: () => void): () => void {
  const from = new BroadcastChannel(whose)
  from.onmessage = f
  return () => from.close()
}

const keysOf = (store: Store) => Array.from({ length: store.length }, (_, i) => store.key(i) ?? '')
