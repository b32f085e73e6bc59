import { useEffect, useRef } from 'react'
import { useLocation } from 'wouter'
import { Link } from './button'
import './subnav.css'

/** The places within a place: links, of which the one where one is stands out. to is
 * within the place; '/' is its front. */
export function SubNav({ label, items }: { label: string; items: { to: string; text: string }[] }) {
  const [path] = useLocation()
  const list = useRef<HTMLUListElement>(null)
  const here = (to: string) => (to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`))
  useEffect(() => {
    // On a narrow screen the row scrolls by itself; nothing else does.
    const row = list.current
    const link = row?.querySelector<HTMLElement>('[aria-current]')
    if (row && link) row.scrollLeft = link.offsetLeft - row.offsetLeft - 24
  }, [path])
  return (
    <nav className="subnav no-print" aria-label={label}>
      <ul ref={list}>
        {items.map((i) => (
          <li key={i.to}>
            <Link href={i.to} aria-current={here(i.to) ? 'page' : undefined}>
              {i.text}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  )
}
