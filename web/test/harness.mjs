// What every day in the browser runs in: a browser of each person's own, and an eye on
// all that must never happen while they work. TestPage (cmd/awase) starts a day with
// `node web/test/<day>.mjs FILE`, where FILE says where the room is, and reads from its
// output which screens were seen, what was measured and what was wrong.
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { look } from './look.mjs'
import { watch } from './watch.mjs'
import { wordsOf } from './words.mjs'

const args = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps', '--disable-domain-reliability']

/** No name is looked up but those of the room, and of the provider that signs people in. */
const names = (room) => `--host-resolver-rules=MAP * ~NOTFOUND${[room.address, room.provider].flatMap((at) => (at ? [`, EXCLUDE ${new URL(at).hostname}`] : [])).join('')}`

/** How long anything may take: a machine may be busy, and what comes is not waited for. */
export const ample = 60_000

/**
 * Plays a day: f gets
 *   room      what TestPage says: address, control, language, files, accounts…; provider:
 *             the origin of an OpenID provider, which people are sent to
 *   t, say    the words (words.mjs)
 *   person()  a new person with a browser of their own: a page of playwright's
 *   screen(page, name)  looks at a screen: axe in light and dark, and screenshots
 *   fact(name, value)   what was measured
 *   is(what, holds)     wants that something holds
 *   fault(text)         something is wrong
 */
export async function day(name, f) {
  const room = JSON.parse(readFileSync(process.argv[2], 'utf8'))
  const faults = []
  const screens = []
  const facts = {}
  const secrets = []
  const open = []
  const words = wordsOf(room.language)
  const shots = join(room.shots, room.language)
  mkdirSync(shots, { recursive: true })

  const person = async (options = {}) => {
    const dir = mkdtempSync(join(tmpdir(), 'awase-page-'))
    open.push({ dir })
    const context = await chromium.launchPersistentContext(dir, {
      executablePath: room.chromium,
      headless: true,
      chromiumSandbox: false, // nothing of a stranger's is opened, and a container has no user namespaces of its own
      args: [...args, names(room)],
      locale: room.language === 'ja' ? 'ja-JP' : 'en-GB',
      timezoneId: 'Asia/Tokyo',
      colorScheme: 'light',
      reducedMotion: 'reduce',
      viewport: { width: 1280, height: 800 },
      baseURL: room.address,
      acceptDownloads: true,
      ...options,
    })
    open.at(-1).context = context
    context.setDefaultTimeout(ample)
    context.setDefaultNavigationTimeout(ample)
    const page = context.pages()[0] ?? (await context.newPage())
    page.faults = watch(context, page, room.address, (fault) => faults.push(fault), room.provider)
    return page
  }
  const fault = (text) => faults.push(text)
  const given = {
    room,
    ...words,
    person,
    fault,
    secret: (value) => secrets.push(value), // what must be in no address
    taken: () => faults.splice(0), // the faults so far, which are none any more
    fact: (what, value) => (facts[what] = value),
    is: (what, holds) => holds || fault(`it is not so: ${what}`),
    screen: async (page, screen, options = {}) => {
      screens.push(screen)
      await look(page, { ...options, language: room.language, path: join(shots, screen), fault: (text) => fault(`${screen}: ${text}`) })
    },
  }
  try {
    await f(given)
    for (const { context } of open) for (const page of context?.pages() ?? []) page.faults?.missed()
  } catch (err) {
    fault(inOneLine(err))
    for (const [i, { context }] of open.entries()) {
      for (const page of context?.pages() ?? []) {
        const path = join(shots, `failed-${name}-${i}.png`)
        await page.screenshot({ path, timeout: 10_000 }).catch(() => {})
        const text = await page.locator('body').innerText({ timeout: 5_000 }).catch(() => '')
        fault(`the page was at ${page.url()} and showed (${path}):\n${text.slice(0, 2500)}`)
      }
    }
  }
  for (const { context, dir } of open) {
    await context?.close().catch((err) => fault(`closing the browser: ${err}`))
    // The last of its processes may still write.
    await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }).catch((err) => fault(`what the browser left: ${err}`))
  }
  process.stdout.write(JSON.stringify({ faults, screens, facts, secrets }) + '\n')
}

// What went wrong, as it is read in a list of what failed.
const inOneLine = (err) => `${err.stack ?? err}`.replace(/\u001b\[\d+m/g, '').split(/\s*\n\s*/).filter(Boolean).join(' | ').slice(0, 600)

/** Cuts the line of a room after so many bytes of an upload, and mends it; counts what
 * came to the receiver of webhooks that stands beside it, at /hook. */
export const line = (room) => {
  const ask = async (method, path) => {
    const answer = await fetch(room.control + path, { method })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`)
    return answer.text()
  }
  const cuts = async () => Number(await ask('GET', '/cuts'))
  // The page may say that it waits before the line is cut: what is mended then is cut after.
  const hasCut = async (n) => {
    while ((await cuts()) < n) await new Promise((r) => setTimeout(r, 20))
  }
  return { cut: (after) => ask('POST', `/cut?after=${after}`), mend: () => ask('POST', '/mend'), cuts, hasCut, hooks: async () => Number(await ask('GET', '/hooks')) }
}
