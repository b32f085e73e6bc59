import { useParams } from 'wouter'
import { Refusal } from '../../../api/client'
import { Load, Skeleton } from '../../../ui/state'
import { useRelease } from '../../../report/useRelease'
import { Gone } from './gone'
import { JobPage } from './job'
import { ReportPage } from './report'
import './result.css'

/** One report, or the job that makes it. */
export default function Result() {
  const { report = '' } = useParams<{ report: string }>()
  return report.startsWith('job') ? <JobPage id={report} key={report} /> : <One id={report} key={report} />
}

function One({ id }: { id: string }) {
  const read = useRelease(id)
  if (read.error instanceof Refusal && read.error.code === 'E_GONE') return <Gone />
  if (read.isPending) return <Skeleton lines={10} />
  return <Load of={read}>{(r) => <ReportPage id={id} read={r} />}</Load>
}
