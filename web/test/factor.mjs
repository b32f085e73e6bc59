// The second factor, as somebody with an authenticator has it.
import { createHmac } from 'node:crypto'
import { encode } from 'uqr'

/** How long an authenticator shows a code, in milliseconds. */
const step = 30_000

/** What an authenticator shows, as RFC 6238 has it, for a key in Base32: shows() is the
 * code of now or, where that was shown before, of the window after it: a code is good
 * once, and the room takes the next one, too; no() is a code that is good in no window
 * near. */
export function authenticator(key) {
  const secret = fromBase32(key)
  const code = (window) => {
    const at = Buffer.alloc(8)
    at.writeBigUInt64BE(BigInt(window))
    const mac = createHmac('sha1', secret).update(at).digest()
    const from = mac[19] & 15
    return String((mac.readUInt32BE(from) & 0x7fffffff) % 1_000_000).padStart(6, '0')
  }
  const now = () => Math.floor(Date.now() / step)
  let shown = 0
  return {
    shows: () => code((shown = Math.max(now(), shown + 1))),
    no: () => {
      const good = new Set(Array.from({ length: 21 }, (_, i) => code(now() - 10 + i)))
      for (let n = 0; ; n++) {
        const made = String(n).padStart(6, '0')
        if (!good.has(made)) return made
      }
    },
  }
}

function fromBase32(text) {
  let bits = ''
  for (const c of text) bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')
  return Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))
}

/** Somebody who is in puts a second factor in force, signs out, and comes back by it; the
 * session ends, and a recovery code opens, once. */
export async function secondFactor(page, { t, say, has, screen, is, secret }, { name, email, password }) {
  const button = (key) => page.getByRole('button', { name: say(key) })
  const account = page.getByRole('button', { name: say('shell:account', { name }) })
  const title = (key) => page.getByRole('heading', { level: 1, name: say(key) })
  const typed = (on, key) => on.getByLabel(t(key), { exact: false }).first()

  await account.click()
  await page.getByRole('menuitem', { name: has('shell:me') }).click()
  await page.getByRole('link', { name: say('me:security.name') }).click()
  await title('me:security.name').waitFor()
  await page.getByText(t('me:factor.off'), { exact: true }).waitFor()
  const begin = page.locator('form').filter({ has: button('me:factor.begin') })
  page.faults.refuses(403, '/v1/me/totp')
  await typed(begin, 'me:factor.password').fill('not the password')
  await button('me:factor.begin').click()
  await page.getByRole('alert').getByText(t('me:refused.password.what')).waitFor()
  await typed(begin, 'me:factor.password').fill(password)
  await button('me:factor.begin').click()

  const qr = page.getByRole('img', { name: say('me:factor.qr') })
  await qr.waitFor()
  await page.getByText(t('me:factor.byHand')).click()
  const key = await page.getByLabel(t('me:factor.secret'), { exact: true }).inputValue()
  const way = await page.getByLabel(t('me:factor.address'), { exact: true }).inputValue()
  const dark = [...(await qr.locator('path').getAttribute('d')).matchAll(/M(\d+) (\d+)h/g)]
  const { data } = encode(way, { ecc: 'M', border: 4 })
  is('the QR code is of the address for an authenticator', dark.length === data.flat().filter(Boolean).length && dark.every(([, x, y]) => data[y][x]))
  const address = new URL(way)
  is('that address holds the same key', address.protocol === 'otpauth:' && address.searchParams.get('secret') === key && key.length === 32)
  secret(key)
  const phone = authenticator(key)
  page.faults.refuses(403, '/v1/me/totp/confirm')
  await typed(page, 'me:factor.code').fill(phone.no())
  await button('me:factor.confirm').click()
  await page.getByRole('alert').getByText(t('me:refused.code.what')).waitFor()
  await screen(page, 'totp')
  const first = phone.shows()
  await typed(page, 'me:factor.code').fill(`${first.slice(0, 3)} ${first.slice(3)}`) // as authenticators show it
  await button('me:factor.confirm').click()
  await page.getByText(t('me:recovery.title')).waitFor()
  const recovery = await page.getByRole('list', { name: say('me:recovery.list') }).getByRole('listitem').allInnerTexts()
  is(`ten recovery codes are shown, not ${recovery.length}`, new Set(recovery).size === 10)
  for (const code of recovery) secret(code)
  is('nobody goes on before they are kept', await button('me:recovery.on').isDisabled())
  await screen(page, 'totp-recovery')
  await page.getByRole('checkbox', { name: say('me:recovery.kept') }).check({ force: true })
  await button('me:recovery.on').click()
  await page.getByText(t('me:factor.on'), { exact: true }).waitFor()
  is('they are shown once', (await page.getByText(recovery[0]).count()) === 0)
  await screen(page, 'totp-on')

  // Out, and in again: by the password and what the phone shows.
  await account.click()
  await page.getByRole('menuitem', { name: say('shell:signOut') }).click()
  await title('door:title').waitFor()
  page.faults.refuses(401, '/v1/session', 3) // it asks; the code that confirmed, and one made up
  await typed(page, 'door:email').fill(email)
  await page.locator('input[type=password]').fill(password)
  await button('door:signIn').click()
  const code = typed(page, 'door:code')
  await code.waitFor()
  // It is focused a moment after it is there.
  const atCode = page.waitForFunction((el) => el === document.activeElement, await code.elementHandle())
  is('what is typed next is the code', await atCode.then(() => true, () => false))
  await screen(page, 'totp-asked')
  const refused = async (on, bad) => {
    await typed(on, 'door:code').fill(bad)
    await Promise.all([page.waitForResponse((r) => r.status() === 401), on.getByRole('button', { name: say('door:signIn') }).click()])
    await on.getByRole('alert').getByText(t('door:refused.code.what')).waitFor()
    is('what was typed is still there', (await typed(on, 'door:code').inputValue()) === bad)
  }
  await refused(page, first)
  await refused(page, phone.no())
  await screen(page, 'totp-refused')
  const next = phone.shows()
  await code.fill(`${next.slice(0, 3)} ${next.slice(3)}`)
  await button('door:signIn').click()
  await account.waitFor()

  // The phone is lost, and the session ends, twice: a recovery code opens, once.
  const dialog = page.getByRole('dialog', { name: say('shell:expired.title') })
  page.faults.refuses(401, /^\/v1\//, 2)
  const ended = async (link) => {
    await page.context().clearCookies()
    await page.getByRole('link', { name: link }).first().click()
    await dialog.locator('input[type=password]').fill(password)
    await dialog.getByRole('button', { name: say('door:signIn') }).click()
    await typed(dialog, 'door:code').waitFor()
  }
  const back = async (code) => {
    await typed(dialog, 'door:code').fill(code)
    await dialog.getByRole('button', { name: say('door:signIn') }).click()
    await dialog.waitFor({ state: 'detached' })
  }
  await ended(has('shell:notices'))
  await screen(page, 'expired-totp', { full: false })
  await back(recovery[0])
  await title('notices:title').waitFor()
  await ended(say('shell:place.reports'))
  await refused(dialog, recovery[0])
  await back(recovery[1].toUpperCase().replaceAll('-', ' ')) // as it may be typed from paper
  await title('reports:title').waitFor()
}
