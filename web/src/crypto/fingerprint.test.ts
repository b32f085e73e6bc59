import { expect, test } from 'vitest'
import { keyFingerprint, sealingFingerprint } from './fingerprint'

// What crypto/receipt.Fingerprint and crypto/seal's Fingerprint give of the same keys.
test('fingerprints are those that the commands print', async () => {
  expect(await keyFingerprint('AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=')).toBe('630d-cd29-66c4-3366-9112-5448-bbb2-5b4f')
  expect(await sealingFingerprint('awase-seal-x25519-CQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8')).toBe('df26-aa83-4115-d98e-2b8a-b7c6-9de1-dca2')
  expect(await sealingFingerprint('of another kind')).toBeUndefined()
})
