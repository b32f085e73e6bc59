import { expect, test } from 'vitest'
import { newNonce } from './statement'

test('a nonce is one that the room takes, and another each time', () => {
  expect(newNonce()).toMatch(/^[0-9a-f]{32}$/)
  expect(newNonce()).not.toBe(newNonce())
})
