// A job as it changes: events of the server while there is a line, and a look every few
// seconds where there is none.
import { useEffect, useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { api, ask, queries, type Schemas } from '../api/client'

export type Job = Schemas['Job']

export const over = (j: Job | undefined) => !!j && (j.state === 'done' || j.state === 'failed' || j.state === 'canceled')

export function useJob(id: string) {
  const [lost, setLost] = useState(false)
  const job = useQuery({
    queryKey: ['job', id],
    queryFn: () => ask(api.GET('/v1/jobs/{job}', { params: { path: { job: id } } })),
    refetchInterval: (q) => (over(q.state.data) ? false : lost ? 3000 : 15_000),
  })
  const known = !!job.data
  const ended = over(job.data)
  useEffect(() => {
    // What is over already has nothing more to say.
    if (!known || ended) return
    const events = new EventSource(`/v1/jobs/${encodeURIComponent(id)}/events`)
    events.addEventListener('job', (e: MessageEvent<string>) => {
      setLost(false)
      const j = JSON.parse(e.data) as Job
      queries.setQueryData(['job', id], j)
      if (over(j)) events.close()
    })
    events.addEventListener('open', () => setLost(false))
    events.addEventListener('error', () => setLost(true))
    return () => events.close()
  }, [id, known, ended])
  return { ...job, lost: lost && !ended }
}
