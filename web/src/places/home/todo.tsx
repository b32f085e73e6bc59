import { useTranslation } from 'react-i18next'
import type { Me } from '../../api/me'
import { Link } from '../../ui/button'
import { day, time } from '../../ui/format'
import { Badge, Refused, Skeleton } from '../../ui/state'
import { useTasks, type Task } from './tasks'

/** What waits for who is signed in. */
export function Todo({ me, now }: { me: Me; now: number }) {
  const { t } = useTranslation('home')
  const { tasks, pending, error, again } = useTasks(me, now)
  return (
    <section className="panel stack-s" aria-labelledby="todo">
      <h2 id="todo">{t('todo.title')}</h2>
      <Refused error={error} again={again} />
      {pending ? (
        <Skeleton lines={3} />
      ) : tasks.length === 0 ? (
        !error && <p className="quiet">{t('todo.none')}</p>
      ) : (
        <ul className="plainlist">
          {tasks.map((x) => (
            <li key={x.id}>
              <One task={x} />
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function One({ task: x }: { task: Task }) {
  const { t } = useTranslation('home')
  const values = { ...x.values, ...(x.values.act ? { act: t(`act.${x.values.act}`, { defaultValue: String(x.values.act) }) } : {}), ...(x.values.day ? { day: day(String(x.values.day)) } : {}), at: x.at ? time(x.at) : '' }
  const text = t(`task.${x.what}.what`, values)
  return (
    <div className="stack-s">
      <div className="row">
        <Badge kind={x.tone}>{t(`tone.${x.tone}`)}</Badge>
        <strong>{x.to ? <Link href={x.to}>{text}</Link> : text}</strong>
      </div>
      <p className="small quiet">{t(`task.${x.what}.do`, values)}</p>
      {x.draft && x.what === 'draft' && (
        <p className="small">
          <code>awase approve --key KEY {x.draft.hash}</code>
        </p>
      )}
    </div>
  )
}
