// Sends sealed bytes by tus 1.0 (docs/uploads.md): once, from where the room has
// them. Trying again, and signing in again, is who calls it to decide.
import { Upload, type DetailedError } from 'tus-js-client'

/** Bytes of one PATCH: what is acknowledged at a time. */
export const chunkBytes = 4 << 20

/** Why it stopped. status 0: no answer came. */
export class Stopped extends Error {
  readonly status: number
  readonly retryAfter: number
  readonly body: string
  constructor(status: number, retryAfter: number, body: string) {
    super(`sending stopped: ${status}`)
    this.status = status
    this.retryAfter = retryAfter
    this.body = body
  }
}

export type Transfer = {
  bytes: Blob
  entrustment: string
  name: string
  /** Path of the upload, where the room made it before. */
  path?: string
  signal: AbortSignal
  /** The room made it: to be kept before a byte is sent. */
  made: (path: string) => void
  /** So many bytes the room has. */
  acknowledged: (bytes: number) => void
}

export function transfer(t: Transfer): Promise<void> {
  return new Promise((resolve, reject) => {
    const upload = new Upload(t.bytes, {
      endpoint: '/v1/uploads',
      uploadUrl: t.path,
      // The address of an upload is kept beside its sealed bytes, and nowhere else.
      storeFingerprintForResuming: false,
      removeFingerprintOnSuccess: false,
      urlStorage: { findAllUploads: async () => [], findUploadsByFingerprint: async () => [], removeUpload: async () => {}, addUpload: async () => '' },
      fingerprint: async () => '',
      metadata: { entrustment: t.entrustment, name: t.name },
      chunkSize: chunkBytes,
      retryDelays: null,
      onUploadUrlAvailable: () => upload.url && t.made(new URL(upload.url, location.origin).pathname),
      onChunkComplete: (_, accepted) => t.acknowledged(accepted),
      onAfterResponse: (request, response) => {
        // What is known to be there is gone on with; tus would make a new one on
        // any refusal, also where it is only to wait.
        if (request.getMethod() === 'HEAD' && response.getStatus() >= 400)
          throw new Stopped(response.getStatus(), Number(response.getHeader('Retry-After') ?? 0) || 0, '')
      },
      onSuccess: () => resolve(),
      onError: (err) => reject(stoppedBy(err)),
    })
    const stop = () => {
      void upload.abort()
      reject(new DOMException('stopped', 'AbortError'))
    }
    if (t.signal.aborted) return stop()
    t.signal.addEventListener('abort', stop)
    upload.start()
  })
}

function stoppedBy(err: Error | DetailedError): Stopped {
  const cause = 'causingError' in err ? err.causingError : undefined
  if (cause instanceof Stopped) return cause
  const answer = 'originalResponse' in err ? err.originalResponse : null
  return new Stopped(answer?.getStatus() ?? 0, Number(answer?.getHeader('Retry-After') ?? 0) || 0, answer?.getBody() ?? '')
}
