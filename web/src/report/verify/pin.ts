// The key of the record log as this browser first saw it, or as somebody pasted it. It
// is public and says nothing of any person; a key that changed is what a forged room has.

export type Pin = {
  /** The line of awase log key. */
  line: string
  /** When it was kept. */
  since: string
  /** Whether it came by another way than from the server. */
  given: boolean
  /** The last checkpoint of the log that was checked by it. */
  checkpoint?: string
  /** Whether the room said that it is one to rehearse in when it was kept. */
  practice?: boolean
  /** Of a room to rehearse in that was made anew: whose key was kept before. */
  anew?: Pin
}

type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
const name = 'awase.log-key'

/** How long it is said that a room to rehearse in was made anew. */
const day = 86_400_000

export function readPin(store: Store): Pin | undefined {
  try {
    const pin = JSON.parse(store.getItem(name) ?? 'null') as Pin | null
    return pin && typeof pin.line === 'string' && typeof pin.since === 'string' ? pin : undefined
  } catch {
    return undefined
  }
}

export const forgetPin = (store: Store) => store.removeItem(name)

const write = (store: Store, pin: Pin) => {
  try {
    store.setItem(name, JSON.stringify(pin))
  } catch {
    // A browser that keeps nothing sees each key for the first time.
  }
  return pin
}

/** Keeps a key that somebody got by another way. */
export const keepGiven = (store: Store, line: string, now: Date) => write(store, { line: line.trim(), since: now.toISOString(), given: true })

/** Keeps the key that the server shows now, in place of another. */
export const keepSeen = (store: Store, line: string, now: Date, practice = false) => write(store, { line: line.trim(), since: now.toISOString(), given: false, ...(practice ? { practice } : {}) })

/** Keeps the checkpoint that was checked last; it never goes back. */
export function keepCheckpoint(store: Store, checkpoint: string) {
  const pin = readPin(store)
  if (pin && sizeOf(checkpoint) >= sizeOf(pin.checkpoint)) write(store, { ...pin, checkpoint })
}

const sizeOf = (checkpoint: string | undefined) => Number((checkpoint ?? '').split('\n')[1]) || 0

/** What to check by: the key that is kept, and whether the server now shows another. The
 * first that is seen is kept. A room to rehearse in, which is made anew whenever somebody
 * likes, begins anew with its key: where the one that is kept was of such a room, too. That
 * a room in earnest calls itself one takes no key from this device. */
export function trust(store: Store, served: string, now: Date, practice: boolean): { pin: Pin; changed: boolean; before?: Pin } {
  const pin = readPin(store)
  if (!pin) return { pin: keepSeen(store, served, now, practice), changed: false }
  if (pin.line === served.trim()) {
    // Whoever said once that it is one to rehearse in is not believed for good.
    if (pin.practice && !practice) {
      const { practice: _, ...earnest } = pin
      return { pin: write(store, earnest), changed: false }
    }
    return { pin, changed: false, ...(pin.anew && now.getTime() - Date.parse(pin.since) < day ? { before: pin.anew } : {}) }
  }
  if (practice && pin.practice && !pin.given) {
    const { anew: _, ...before } = pin
    return { pin: write(store, { line: served.trim(), since: now.toISOString(), given: false, practice, anew: before }), changed: false, before }
  }
  return { pin, changed: true }
}

/** The name of a log and a key of the note format; undefined of what is no such line. */
export function originOf(line: string): string | undefined {
  const parts = /^([^+\s]+)\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*$/.exec(line.trim())
  return parts?.[1]
}
