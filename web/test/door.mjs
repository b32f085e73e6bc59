// The door and the shell: entering with one click, signing in, being refused, finding
// one's way, help, notices, language, an ended session that loses nothing, signing out;
// and how much a first load is.
import { day } from './harness.mjs'

/** What the first load may be, in bytes as they come, without charts and WASM. */
const most = 400_000

await day('door', async ({ room, t, say, has, person, screen, is, fact }) => {
  const page = await person()
  const button = (key, values) => page.getByRole('button', { name: say(key, values) })
  const places = page.getByRole('navigation', { name: say('shell:places') })
  const title = (key) => page.getByRole('heading', { level: 1, name: say(key) })
  const marketing = 'marketing@acme.example'
  const loaded = await counts(page)

  await page.goto('/')
  await title('door:title').waitFor()
  await title('door:practice.title').waitFor()
  await screen(page, 'sign-in')

  // One click, and one is in, in the language in which one came.
  await page.getByRole('heading', { name: 'acme', exact: true }).locator('..').getByRole('button', { name: say('shell:role.marketing') }).click()
  await places.waitFor()
  await page.getByText(t('shell:practice')).waitFor()
  const want = ['home', 'entrustments', 'lists', 'reports'].map((p) => t(`shell:place.${p}`))
  const names = await places.getByRole('link').allInnerTexts()
  is(`marketing has the places ${want}, not ${names}`, JSON.stringify(names) === JSON.stringify(want))
  await page.getByRole('heading', { level: 1 }).waitFor()
  const first = await loaded()
  fact('first load, bytes', first.bytes)
  is(`the first load, sign-in and home, is at most ${most} bytes, not ${first.bytes}:\n${first.files.join('\n')}`, first.bytes <= most)

  // The other language and back: all of it changes, and it is kept.
  const other = room.language === 'ja' ? 'en' : 'ja'
  await button('shell:otherLanguage').click()
  await page.waitForFunction((l) => document.documentElement.lang === l, other)
  await page.reload()
  await page.waitForFunction((l) => document.documentElement.lang === l, other)
  await page.getByRole('button', { name: room.language === 'ja' ? '日本語' : 'English', exact: true }).click()
  await page.waitForFunction((l) => document.documentElement.lang === l, room.language)
  await button('shell:account').click()
  await page.getByRole('menuitem', { name: say('shell:signOut') }).click()
  await title('door:title').waitFor()
  is('nobody is signed in any more', !(await page.context().cookies()).some((c) => c.name === 'awase_session' && c.value))

  // Refused: it says why and what to do, and what was typed is still there.
  page.faults.refuses(401, '/v1/session')
  await page.getByLabel(t('door:email')).fill(marketing)
  await page.getByLabel(t('door:password')).fill('not the password')
  await button('door:signIn').click()
  await page.getByRole('alert').getByText(t('door:refused.wrong.what')).waitFor()
  is('the address stays after a refusal', (await page.getByLabel(t('door:email')).inputValue()) === marketing)
  await screen(page, 'sign-in-refused')
  await page.getByLabel(t('door:password')).fill(room.accounts[marketing])
  await button('door:signIn').click()
  await places.waitFor()

  await page.goto('/help')
  await title('help:title').waitFor()
  await screen(page, 'help')
  await page.goto('/notices')
  await title('notices:title').waitFor()
  // Links of several reports that are ready say which.
  await page.getByRole('main').getByRole('link', { name: has('report:report.profile') }).first().waitFor()
  await screen(page, 'notices')
  await page.goto('/me/nothing-is-here')
  await title('shell:notFound.title').waitFor()
  await screen(page, 'not-found')
  await page.goto('/help')
  await title('help:title').waitFor()

  // The session ends while somebody works: they are asked over the page, and go on.
  page.faults.refuses(401, /^\/v1\//)
  await page.getByRole('link', { name: has('shell:notices') }).first().click()
  await page.context().clearCookies() // whatever is asked next is asked without
  const dialog = page.getByRole('dialog', { name: say('shell:expired.title') })
  await dialog.waitFor()
  await screen(page, 'expired', { full: false })
  is('it knows who was here', (await dialog.getByLabel(t('door:email')).inputValue()) === marketing)
  await dialog.getByLabel(t('door:password')).fill(room.accounts[marketing])
  await dialog.getByRole('button', { name: say('door:signIn') }).click()
  await dialog.waitFor({ state: 'detached' })
  await title('notices:title').waitFor()
  is('it is where it was', new URL(page.url()).pathname === '/notices')
  const kept = await page.evaluate(() => Object.keys(localStorage).sort().join(' '))
  is(`nothing is kept in the browser but language and brightness: ${kept}`, /^awase\.language( awase\.theme)?$/.test(kept))
})

// Counts what a page loads, as it comes over the line, from now on.
async function counts(page) {
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Network.enable')
  const addresses = new Map()
  const sizes = new Map()
  devtools.on('Network.responseReceived', (e) => addresses.set(e.requestId, e.response.url))
  devtools.on('Network.loadingFinished', (e) => sizes.set(e.requestId, e.encodedDataLength))
  return async () => {
    await page.waitForLoadState('networkidle')
    await devtools.detach()
    let bytes = 0
    const files = []
    for (const [id, size] of [...sizes].sort((a, b) => b[1] - a[1])) {
      const path = new URL(addresses.get(id) ?? 'http://unknown/').pathname
      if (/\.wasm$|\/(echarts|charts?)-/.test(path)) continue
      bytes += size
      files.push(`${size} ${path}`)
    }
    return { bytes, files }
  }
}
