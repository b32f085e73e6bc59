// Where in the page a notice's subject is, and what it is.
import type { Schemas } from '../../api/client'
import type { Document } from '../reports/ask/question'

type Notice = Schemas['Notice']

const text = (n: Notice, key: string) => {
  const v = n.details?.[key]
  return typeof v === 'string' ? v : undefined
}

export function wayTo(n: Notice): string | undefined {
  const entrustment = text(n, 'entrustment')
  switch (n.kind) {
    case 'report.ready': {
      const report = text(n, 'report') ?? (n.subject.startsWith('rep-') ? n.subject : undefined)
      return report ? `/reports/${report}` : '/reports'
    }
    case 'job.done':
    case 'job.failed': {
      const kind = text(n, 'kind')
      if (kind === 'report' || kind === 'cube') return `/reports/${n.subject}`
      return kind === 'list' ? '/lists' : undefined
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

/** The parts of the question whose report is ready that tell it from others. */
export function askedOf(n: Notice): Pick<Document, 'report' | 'list' | 'campaign' | 'dims'> | undefined {
  const report = text(n, 'kind')
  if (n.kind !== 'report.ready' || !report) return undefined
  const dims = n.details?.dims
  return { report: report as Document['report'], list: text(n, 'list'), campaign: text(n, 'campaign'), dims: Array.isArray(dims) ? dims : undefined }
}
