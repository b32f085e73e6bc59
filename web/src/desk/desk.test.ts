import { describe, expect, it } from 'vitest'
import { Desk, type Line } from './desk'
import { DeskError, type Answered, type Asked } from './protocol'

/** Stands for the worker: keeps what it is asked, and answers when it is told to. */
class Stand implements Line {
  asked: Asked[] = []
  ended = false
  onmessage: Line['onmessage'] = null
  onerror: Line['onerror'] = null
  postMessage(a: Asked) {
    this.asked.push(a)
  }
  terminate() {
    this.ended = true
  }
  say(a: Answered) {
    this.onmessage?.call(this as unknown as Worker, { data: a } as MessageEvent)
  }
}

const open = () => {
  const stands: Stand[] = []
  return { stands, desk: new Desk(() => stands[stands.push(new Stand()) - 1]!) }
}
const file = {} as File
const options = { purpose: 'list', name: '', today: '2026-11-26' } as const
const fault = { code: 'E_FILE', field: 'x', detail: 'no rows', mend: '', clause: '' }

describe('a desk', () => {
  it('gives each answer to whom it is for, with progress before', async () => {
    const { desk, stands } = open()
    const seen: number[] = []
    const check = desk.check(file, options, { progress: (rows) => seen.push(rows) })
    const find = desk.find(file, options, 'a@b.jp')
    stands[0]!.say({ id: 2, done: 'found' })
    stands[0]!.say({ id: 1, rows: 10, bytes: 100 })
    stands[0]!.say({ id: 1, rows: 20, bytes: 200 })
    stands[0]!.say({ id: 1, done: 'checked' })
    expect(await find).toBe('found')
    expect(await check).toBe('checked')
    expect(seen).toEqual([10, 20])
    expect(stands.length).toBe(1)
  })

  it('tells why something was refused', async () => {
    const { desk, stands } = open()
    const check = desk.check(file, options)
    stands[0]!.say({ id: 1, fault })
    await expect(check).rejects.toMatchObject({ fault })
    await expect(check).rejects.toBeInstanceOf(DeskError)
  })

  it('cancels what is stopped, once, and not what is done', async () => {
    const { desk, stands } = open()
    const stop = new AbortController()
    const check = desk.check(file, options, { signal: stop.signal })
    stop.abort()
    stands[0]!.say({ id: 1, fault: { ...fault, code: 'E_ABORTED' } })
    await expect(check).rejects.toMatchObject({ fault: { code: 'E_ABORTED' } })
    const later = new AbortController()
    const again = desk.check(file, options, { signal: later.signal })
    stands[0]!.say({ id: 2, done: 1 })
    await again
    later.abort()
    expect(stands[0]!.asked.filter((a) => 'cancel' in a)).toEqual([{ id: 1, cancel: true }])
  })

  it('ends all with its worker, and opens another for what is asked then', async () => {
    const { desk, stands } = open()
    const check = desk.check(file, options)
    desk.close()
    await expect(check).rejects.toMatchObject({ fault: { code: 'E_ABORTED' } })
    expect(stands[0]!.ended).toBe(true)
    const more = desk.preview(file, options)
    stands[1]!.say({ id: 2, done: 'seen' })
    expect(await more).toBe('seen')
  })

  it('says that a worker which can not run is broken', async () => {
    const { desk, stands } = open()
    const check = desk.check(file, options)
    stands[0]!.onerror?.call(stands[0] as unknown as Worker, {} as ErrorEvent)
    await expect(check).rejects.toMatchObject({ fault: { code: 'E_WORKER' } })
  })
})
