/** Hands something that the page made to whoever is at the desk, as a file. */
export function save(what: Blob | string, name: string) {
  const at = URL.createObjectURL(typeof what === 'string' ? new Blob([what], { type: 'text/plain;charset=utf-8' }) : what)
  const a = document.createElement('a')
  a.href = at
  a.download = name
  a.click()
  setTimeout(() => URL.revokeObjectURL(at), 60_000)
}
