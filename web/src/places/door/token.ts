/** What stands behind the # of an invitation's link; what was cut short or written otherwise
 * on its way is as it came, and the room says that it is none. */
export function tokenOf(hash: string): string {
  const text = hash.slice(1)
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
