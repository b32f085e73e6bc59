import { expect, test } from 'vitest'
import { attributesOf } from './attributes'

test('a header may say an attribute in either language', async () => {
  expect(await attributesOf(['tier', 'home', 'constructor'])).toEqual([
    { name: 'tier', words: ['会員ランク', 'tier'] },
    { name: 'home', words: [] },
    { name: 'constructor', words: [] },
  ])
})
