// Keys that lead somewhere: g l, g r, g e, g h, / and ?.
import { useEffect } from 'react'
import { useLocation } from 'wouter'

const goes: Record<string, string> = { h: '/', e: '/entrustments', l: '/lists', r: '/reports', a: '/admin', n: '/notices' }

export function useKeys() {
  const [, go] = useLocation()
  useEffect(() => {
    let last = 0
    const press = (e: KeyboardEvent) => {
      const at = e.target as HTMLElement
      if (e.ctrlKey || e.metaKey || e.altKey || at.closest('input, textarea, select, [contenteditable], [role=listbox], [role=menu], [role=dialog]')) return
      if (e.key === 'g') {
        last = Date.now()
      } else if (e.key === '?') {
        go('/help')
      } else if (e.key === '/') {
        const search = document.querySelector<HTMLInputElement>('input[type=search]')
        if (search) {
          e.preventDefault()
          search.focus()
        }
      } else if (Date.now() - last < 1500 && goes[e.key]) {
        last = 0
        go(goes[e.key]!)
      }
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [go])
}
