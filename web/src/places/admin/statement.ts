// The enclave's statement of itself (docs/wire.md, "The attestation").
import { hex } from '../../crypto/fingerprint'

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
