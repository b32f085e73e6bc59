import { expect, it } from 'vitest'
import { faultOf } from './fault'

it('tells what a browser could not do, and nothing of what was in the way', () => {
  const of = (name: string) => faultOf(new DOMException('/home/hanako/members.csv', name))
  expect(of('QuotaExceededError')).toMatchObject({ code: 'E_NO_ROOM', detail: '' })
  expect(of('SecurityError')).toMatchObject({ code: 'E_NO_ROOM', detail: '' })
  expect(of('NotReadableError')).toMatchObject({ code: 'E_FILE_GONE', detail: '' })
  expect(of('SyntaxError')).toMatchObject({ code: 'E_PAGE', detail: '' })
  expect(faultOf(new Error('hanako@example.jp'))).toEqual({ code: 'E_PAGE', field: '', detail: '', mend: '', clause: '' })
  expect(faultOf('hanako@example.jp')).toMatchObject({ code: 'E_PAGE', detail: '' })
})

it('keeps what a module says', () => {
  const said = Object.assign(new Error('line'), { code: 'E_FILE', field: 'row 3', detail: 'a quote', mend: 'close it', clause: 'FORMATS' })
  expect(faultOf(said)).toEqual({ code: 'E_FILE', field: 'row 3', detail: 'a quote', mend: 'close it', clause: 'FORMATS' })
})

it('keeps the sort of a refused file, of those that there are', () => {
  const of = (sort: unknown) => faultOf(Object.assign(new Error('line'), { code: 'E_FILE', sort, detail: 'a sentence that may change' })).sort
  expect(of('open_quote')).toBe('open_quote')
  expect([of(''), of('quote'), of(undefined), of(3)]).toEqual([undefined, undefined, undefined, undefined])
})
