// Runs the module that checks a release (cmd/wasm/verify), away from the page's thread.
import type { VerifyAnswer, VerifyOptions } from './verify'

type GoProgram = { importObject: WebAssembly.Imports; run(i: WebAssembly.Instance): Promise<void> }
type Module = { report(file: Uint8Array, options: VerifyOptions): Promise<VerifyAnswer> }
const scope = globalThis as unknown as { Go: new () => GoProgram; awaseVerify: Module }

export type VerifyRequest = { id: number; file: Uint8Array; options: VerifyOptions }
export type VerifyReply = { id: number; answer?: VerifyAnswer; problem?: string }

let started: Promise<void> | undefined

async function start() {
  const glue = '/wasm/wasm_exec.js'
  await import(/* @vite-ignore */ glue)
  const go = new scope.Go()
  const { instance } = await WebAssembly.instantiateStreaming(fetch('/wasm/verify.wasm'), go.importObject)
  void go.run(instance) // serves until the worker ends
}

onmessage = (e: MessageEvent<VerifyRequest>) => {
  const { id, file, options } = e.data
  started ??= start()
  started
    .then(() => scope.awaseVerify.report(file, options))
    .then((answer) => postMessage({ id, answer } satisfies VerifyReply))
    .catch((err: unknown) => {
      started = undefined
      postMessage({ id, problem: err instanceof Error ? err.message : String(err) } satisfies VerifyReply)
    })
}
