// Checks a release in the page by the very code of awase verify (docs/verify.md).
import type { VerifyReply, VerifyRequest } from './worker'

export type Outcome = 'holds' | 'fails' | 'unchecked'
export type Finding = { check: string; outcome: Outcome; says?: string }

/** What came of it: every check by name, also after one that fails. */
export type VerifyAnswer = {
  verified: boolean
  findings: Finding[]
  receipt?: { recipient: string; entrustment: string; version: number; confinement: string; practice?: boolean; dev: boolean; log: { index: number; checkpoint: string } }
  /** Fingerprint of the receipt's own key. */
  key?: string
  origin?: string
  size?: number
  /** Fingerprint of the key that was given. */
  given?: string
  growth: (Finding & { from: number; to: number })[]
}

export type VerifyOptions = { key?: string; growth?: { held?: string; proof: string }[] }

let worker: Worker | undefined
let last = 0

/** Whether a line is a key of awase log key. */
export async function isKey(line: string): Promise<boolean> {
  try {
    await verify(new Uint8Array(), { key: line.trim() })
    return true
  } catch {
    return false
  }
}

/** Runs all checks on a file's bytes, in a worker. */
export function verify(file: Uint8Array, options: VerifyOptions): Promise<VerifyAnswer> {
  worker ??= new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
  const w = worker
  const id = ++last
  return new Promise((resolve, reject) => {
    const done = () => {
      w.removeEventListener('message', answered)
      w.removeEventListener('error', broke)
    }
    const broke = () => {
      done()
      worker = undefined
      reject(new Error('the worker broke'))
    }
    const answered = (e: MessageEvent<VerifyReply>) => {
      if (e.data.id !== id) return
      done()
      if (e.data.answer) resolve(e.data.answer)
      else reject(new Error(e.data.problem))
    }
    w.addEventListener('message', answered)
    w.addEventListener('error', broke)
    w.postMessage({ id, file, options } satisfies VerifyRequest)
  })
}
