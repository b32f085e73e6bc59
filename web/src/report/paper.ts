// What goes to paper is light, whatever the theme, and charts are drawn anew for it.
import { useSyncExternalStore } from 'react'
import { flushSync } from 'react-dom'
import { shownTheme } from '../ui/theme'

let paper = false
const listeners = new Set<() => void>()

function turn(to: boolean) {
  paper = to
  document.documentElement.dataset['theme'] = to ? 'light' : shownTheme()
  // What is printed is what stands there as this returns.
  flushSync(() => listeners.forEach((f) => f()))
}

addEventListener('beforeprint', () => turn(true))
addEventListener('afterprint', () => turn(false))

const listen = (f: () => void) => {
  listeners.add(f)
  return () => listeners.delete(f)
}

/** Whether the page is on its way to paper. */
export const usePaper = () => useSyncExternalStore(listen, () => paper)
