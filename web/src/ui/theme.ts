// Light or dark, as the system has it or as somebody chose.
import { useSyncExternalStore } from 'react'

export type Theme = 'system' | 'light' | 'dark'
const kept = 'awase.theme'
const dark = matchMedia('(prefers-color-scheme: dark)')
const listeners = new Set<() => void>()

export const chosenTheme = (): Theme => {
  const was = localStorage.getItem(kept)
  return was === 'light' || was === 'dark' ? was : 'system'
}

/** The theme that is shown. */
export const shownTheme = () => (chosenTheme() === 'system' ? (dark.matches ? 'dark' : 'light') : chosenTheme()) as 'light' | 'dark'

function show() {
  document.documentElement.dataset.theme = shownTheme()
  for (const f of listeners) f()
}

export function startTheme() {
  dark.addEventListener('change', show)
  show()
}

export function chooseTheme(theme: Theme) {
  localStorage.setItem(kept, theme)
  show()
}

const listen = (f: () => void) => {
  listeners.add(f)
  return () => listeners.delete(f)
}

export const useTheme = () => useSyncExternalStore(listen, shownTheme)
export const useChosenTheme = () => useSyncExternalStore(listen, chosenTheme)
