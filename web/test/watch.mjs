// What must never happen in a page, and what a day announces that will.

const fits = (want, is) => (want instanceof RegExp ? want.test(is) : String(want) === is)

/**
 * Reports to fault: an error or warning on the console, an exception that nobody
 * caught, a violation of the Content-Security-Policy, a request to another origin, a
 * crash. elsewhere: an origin that people are sent to, as documents of their own, whose
 * addresses may be asked for so and in no other way. Gives
 *   refuses(status, path, least = 1)  answers of this status at this path are as wished
 *                          from now on, at least so many: Chromium writes each to the
 *                          console. Either may be a pattern
 *   cut(f)                 while f runs the line may be cut
 *   missed()               reports what was announced and did not happen
 */
export function watch(context, page, address, fault, elsewhere) {
  const origin = new URL(address).origin
  const announced = []
  let line = 0

  const said = (m) => {
    if (m.type() !== 'error' && m.type() !== 'warning') return
    const at = m.location().url
    const refused = /^Failed to load resource: the server responded with a status of (\d+)/.exec(m.text())
    if (refused) {
      const path = new URL(at).pathname
      const one = announced.find((a) => fits(a.status, refused[1]) && fits(a.path, path))
      if (one) {
        one.seen++
        return
      }
      fault(`${path} was answered with ${refused[1]}, which nobody announced`)
      return
    }
    if (line > 0 && /net::ERR_(CONNECTION|EMPTY_RESPONSE|SOCKET|INTERNET|NETWORK)/.test(m.text())) return
    fault(`console ${m.type()}: ${m.text()} (${at})`)
  }
  context.on('console', said)
  context.on('weberror', (e) => fault(`nobody caught: ${e.error().stack ?? e.error()}`))
  context.on('request', (r) => {
    const url = new URL(r.url())
    if (url.protocol === 'data:' || (url.protocol === 'blob:' && url.origin === origin)) return
    if (url.origin === elsewhere && r.isNavigationRequest()) return
    if (url.origin !== origin) fault(`a request to another origin: ${r.method()} ${url.origin}`)
  })
  page.on('crash', () => fault('the page crashed'))
  page.on('worker', (w) => w.on?.('console', said))
  return {
    refuses: (status, path, least = 1) => announced.push({ status, path, seen: 0, least }),
    cut: async (f) => {
      line++
      try {
        return await f()
      } finally {
        line--
      }
    },
    missed: () => {
      for (const a of announced) if (a.seen < a.least) fault(`no answer ${a.status} came from ${a.path}, which was announced`)
    },
  }
}
