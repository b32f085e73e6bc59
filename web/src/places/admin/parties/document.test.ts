import { expect, test } from 'vitest'
import { docOf, fieldsOf, noFields, wrong, type Doc } from './document'

const key = `ed25519:${'A'.repeat(43)}=`

test('a document comes back as it was', () => {
  const docs: Doc[] = [
    { schema: 'awase.party/v1', id: 'acme', class: 'client', group: 'acme', country: 'JP' },
    { schema: 'awase.party/v1', id: 'adco', class: 'ad-platform', group: 'adco', country: 'US', upload_key: key, delivery_key: 'awase-seal-x25519-d', serving_key: 'awase-seal-x25519-s', officers: [{ name: 'yuki', key }, { name: 'sora', key: 'passkey:AA', origin: 'https://room.example.jp' }] },
  ]
  for (const d of docs) expect(docOf(fieldsOf(d))).toEqual(d)
})

test('what was left empty is left out, and the group is the party itself', () => {
  expect(docOf({ ...noFields, id: ' acme ', officers: [{ name: '', key: '', origin: '' }] })).toEqual({ schema: 'awase.party/v1', id: 'acme', class: 'client', group: 'acme', country: 'JP' })
})

test('only an ad platform has a serving key, only a passkey an origin', () => {
  const doc = docOf({ ...noFields, id: 'acme', serving: 'awase-seal-x25519-s', officers: [{ name: 'yuki', key, origin: 'https://room.example.jp' }] })
  expect(doc.serving_key).toBeUndefined()
  expect(doc.officers).toEqual([{ name: 'yuki', key }])
})

test('what is wrong is said where it stands', () => {
  expect(wrong({ ...noFields, id: 'acme' })).toEqual({})
  expect(wrong({ ...noFields, id: 'Acme', group: 'a b', country: 'JPN', upload: 'ed25519:short' })).toEqual({ id: 'name', group: 'name', country: 'country', upload: 'upload' })
})
