import { useEffect, type ReactNode } from 'react'
import { Link } from './button'

/** The head of a screen: where one is, its title, what it is for, its one action. */
export function PageHead({ title, lead, crumbs, action }: { title: string; lead?: ReactNode; crumbs?: [string, string][]; action?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Awase`
  }, [title])
  return (
    <div className="head">
      <div>
        {crumbs && (
          <nav className="crumbs" aria-label="breadcrumb">
            {crumbs.map(([to, text]) => (
              <span key={to}>
                <Link href={to}>{text}</Link> ›{' '}
              </span>
            ))}
          </nav>
        )}
        <h1>{title}</h1>
        {lead && <p className="lead">{lead}</p>}
      </div>
      {action && <div className="row no-print">{action}</div>}
    </div>
  )
}

/** Facts as name and value. */
export function Facts({ rows }: { rows: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {rows.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
