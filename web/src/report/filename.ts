/** The readable name in a Content-Disposition (RFC 6266); undefined: there is none. */
export function nameFrom(header: string | null): string | undefined {
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(header ?? '')?.[1]
  try {
    if (encoded) return decodeURIComponent(encoded)
  } catch {
    // Not as it should be: the plain one may be.
  }
  return /filename="([^"]+)"/i.exec(header ?? '')?.[1]
}
