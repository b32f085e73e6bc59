// The enclave's statement of itself (docs/wire.md, "The attestation"), and the
// fingerprints by which people compare its keys.

export type Piece = { name: string; in_force: boolean; tried?: boolean; reason?: string }

export type Statement = {
  nonce: string
  mode: string
  vault: string
  dev: boolean
  build: string
  policy: string
  sealing_key: string
  key: string
  confinement: { short: string; system: string; landlock_abi: number; pieces: Piece[] }
  swap: { known: boolean; in_use: boolean; key_locked: boolean }
  engine?: { name: string; shards: number; others?: boolean }
}

/** Sixteen random bytes in hex: an answer to it was made for it, and is no old one. */
export function newNonce(): string {
  return hex(crypto.getRandomValues(new Uint8Array(16)))
}

const hex = (b: Uint8Array) => Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('')

const decode = (base64: string) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))

/** The first 128 bits of a SHA-256 in groups of four; undefined without https, where
 * browsers hash nothing. */
async function fingerprint(bytes: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  if (!crypto.subtle) return undefined
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return hex(sum.slice(0, 16)).match(/.{4}/g)!.join('-')
}

/** Of the key that signs: as awase attestation prints it. */
export const keyFingerprint = (key: string) => fingerprint(decode(key))

/** Of the key that files are sealed to: as awase seal --enclave-key takes it. */
export async function sealingFingerprint(key: string): Promise<string | undefined> {
  const found = /^awase-seal-(xwing|x25519)-([A-Za-z0-9_-]+)$/.exec(key)
  if (!found) return undefined
  const label = new TextEncoder().encode(`awase seal key v1\n${found[1]}\n`)
  const raw = decode(found[2]!.replaceAll('-', '+').replaceAll('_', '/'))
  const all = new Uint8Array(label.length + raw.length)
  all.set(label)
  all.set(raw, label.length)
  return fingerprint(all)
}
