import { expect, test } from 'vitest'
import { tokenOf } from './token'

test('a link that was spoilt on its way still opens the form', () => {
  expect(tokenOf('#inv%5Fa')).toBe('inv_a')
  expect(tokenOf('#inv%')).toBe('inv%')
  expect(tokenOf('')).toBe('')
})
