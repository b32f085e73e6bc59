// The fingerprints by which people compare the enclave's keys, made in the page of the
// keys themselves: one that a server says beside a key would be that of any.

export const hex = (b: Uint8Array) => Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('')

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
