// Where in the page a notice's subject is.
import type { Schemas } from '../../api/client'

type Notice = Schemas['Notice']

const text = (n: Notice, key: string) => {
  const v = n.details?.[key]
  return typeof v === 'string' ? v : undefined
}

/** The list that a job loads, and under what. */
export type Loaded = { entrustment: string; name: string }

export function loadedBy(job: Schemas['Job'] | undefined): Loaded | undefined {
  const s = job?.subject as Partial<Loaded> | undefined
  return job?.kind === 'list' && s?.entrustment && s.name ? { entrustment: s.entrustment, name: s.name } : undefined
}

/** Whether a notice is of a load of a list, which its job names. */
export const ofLoad = (n: Notice) => (n.kind === 'job.done' || n.kind === 'job.failed') && text(n, 'kind') === 'list'

/** list: what the job of the notice loads, where that is known. */
export function wayTo(n: Notice, list?: Loaded): string | undefined {
  const entrustment = text(n, 'entrustment')
  switch (n.kind) {
    case 'report.ready': {
      const report = reportOf(n)
      return report ? `/reports/${report}` : '/reports'
    }
    case 'job.done':
    case 'job.failed': {
      const kind = text(n, 'kind')
      if (kind === 'report' || kind === 'cube') return `/reports/${n.subject}`
      if (kind !== 'list') return undefined
      // One that failed is told of beside the uploads, with what to do.
      return list && n.kind === 'job.done' ? `/lists/${list.entrustment}/${list.name}` : '/lists'
    }
    case 'schedule.paused':
      return '/reports/schedules'
    case 'upload.expired':
    case 'upload.lost':
      return '/lists'
    case 'data.expires':
    case 'contract.expires':
    case 'contract.ends':
      return entrustment ? `/entrustments/${entrustment}` : '/entrustments'
    case 'webhook.disabled':
      return '/admin/webhooks'
    default:
      return undefined
  }
}

/** The report that is ready. A notice, which may be mailed and goes to webhooks, doesn't say
 * what was asked: who may read the report has its question from there. */
export const reportOf = (n: Notice) => (n.kind !== 'report.ready' ? undefined : (text(n, 'report') ?? (n.subject.startsWith('rep-') ? n.subject : undefined)))
