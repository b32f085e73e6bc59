import { expect, test } from 'vitest'
import { modules } from './qr'

/** Whether a module is dark, by what is drawn. */
const drawn = (d: string) => {
  const dark = new Set([...d.matchAll(/M(\d+) (\d+)h1v1h-1z/g)].map((m) => `${m[1]} ${m[2]}`))
  return (x: number, y: number) => dark.has(`${x} ${y}`)
}

test('it has a quiet border of four and the three corners by which cameras find it', () => {
  const { d, size } = modules('otpauth://totp/Awase:hana@acme.example?algorithm=SHA1&digits=6&issuer=Awase&period=30&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP')
  const dark = drawn(d)
  expect((size - 8 - 17) % 4).toBe(0) // of a version that there is
  for (let i = 0; i < size; i++) for (let w = 0; w < 4; w++) expect([dark(i, w), dark(w, i), dark(i, size - 1 - w), dark(size - 1 - w, i)]).toEqual([false, false, false, false])
  const corner = ['1111111', '1000001', '1011101', '1011101', '1011101', '1000001', '1111111']
  for (const [x, y] of [[4, 4], [size - 11, 4], [4, size - 11]] as const) {
    expect(corner.map((_, r) => corner.map((_, c) => (dark(x + c, y + r) ? '1' : '0')).join(''))).toEqual(corner)
  }
})

test('another address is another code', () => {
  expect(modules('otpauth://totp/a').d).not.toBe(modules('otpauth://totp/b').d)
})
