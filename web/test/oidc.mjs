// Signing in by the company's provider: who was invited is in, as who they are in the
// room; a session that ends is begun anew in another tab; who was not invited, and whose
// account is stopped, are told so where people sign in.
import { day } from './harness.mjs'

await day('oidc', async (d) => {
  const { room, t, say, has, person, screen, is } = d
  const { invited, other, stranger, stopped } = room.people
  const title = (on, key, values) => on.getByRole('heading', { level: 1, name: say(key, values) })

  // At the provider, whose page is its own; the name is the password too.
  const somebody = async () => {
    const page = await person()
    page.faults.refuses(404, '/favicon.ico', 0) // the provider has none
    return page
  }
  const atProvider = async (tab, name, password = name) => {
    await tab.waitForURL((at) => at.origin === room.provider)
    await tab.locator('[name=username]').fill(name)
    await tab.locator('[name=password]').fill(password)
    await tab.locator('[type=submit]').click()
  }
  const signsIn = async (page, name) => {
    await page.goto('/sign-in')
    await title(page, 'door:title').waitFor()
    await page.getByRole('link', { name: say('door:oidc') }).click()
    await atProvider(page, name)
  }

  const page = await somebody()
  await page.goto('/')
  await page.getByRole('link', { name: say('door:oidc') }).waitFor()
  await screen(page, 'sign-in-oidc')
  await page.getByRole('link', { name: say('door:oidc') }).click()
  await atProvider(page, invited.name, 'not the password')
  await page.getByText('username or password wrong').waitFor()
  await atProvider(page, invited.name)
  await title(page, 'home:title', { name: invited.called }).waitFor()
  is('nothing of the way stays in the address', page.url() === `${room.address}/`)
  await page.getByText(t('home:lead', { party: invited.party })).waitFor()
  const roles = await page.getByRole('navigation', { name: say('shell:places') }).getByRole('link').allInnerTexts()
  is(`they are there as marketing, not with ${roles}`, JSON.stringify(roles) === JSON.stringify(['home', 'entrustments', 'lists', 'reports'].map((p) => t(`shell:place.${p}`))))
  await page.getByRole('button', { name: say('shell:account', { name: invited.called }) }).click()
  await page.getByRole('menuitem', { name: has('shell:me') }).click()
  await page.getByText(invited.email).first().waitFor()
  await page.getByRole('link', { name: say('me:security.name') }).click()
  await page.getByText(t('me:security.provider')).waitFor()
  await screen(page, 'security-oidc')

  // The session ends while they work: the provider is asked in another tab, and this one
  // goes on with what was typed.
  await page.getByRole('link', { name: say('me:profile.name') }).click()
  await page.getByLabel(t('me:profile.personName')).fill('Mei of Acme')
  page.faults.refuses(401, /^\/v1\//)
  await page.context().clearCookies()
  await page.getByRole('button', { name: say('me:profile.save') }).click()
  const dialog = page.getByRole('dialog', { name: say('shell:expired.title') })
  await dialog.waitFor()
  is('no password is asked of who has none', (await dialog.locator('input').count()) === 0)
  await screen(page, 'expired-oidc', { full: false })
  const [tab] = await Promise.all([page.waitForEvent('popup'), dialog.getByRole('link', { name: say('shell:expired.oidc') }).click()])
  await atProvider(tab, invited.name)
  await title(tab, 'home:title').waitFor()
  await dialog.waitFor({ state: 'detached' })
  await page.getByRole('button', { name: say('shell:account', { name: 'Mei of Acme' }) }).waitFor()
  await tab.close()

  // Somebody else comes back: of what was typed nothing is sent as theirs, and nothing of
  // who was there stays.
  await page.getByLabel(t('me:profile.personName')).fill('Not of Kai')
  await page.context().clearCookies()
  await page.getByRole('button', { name: say('me:profile.save') }).click()
  await dialog.waitFor()
  const [next] = await Promise.all([page.waitForEvent('popup'), dialog.getByRole('link', { name: say('shell:expired.oidc') }).click()])
  await atProvider(next, other.name)
  await title(next, 'home:title').waitFor()
  await page.waitForURL((at) => at.pathname === '/')
  await title(page, 'home:title').waitFor()
  is('no dialog stays', (await dialog.count()) === 0)
  await next.close()
  await page.getByRole('button', { name: has('shell:account', { name: '' }) }).click()
  await page.getByRole('menuitem', { name: has('shell:me') }).click()
  await page.getByText(other.email).first().waitFor()

  // Out, and refused: each is told why, and nothing of it stays in the address.
  await page.getByRole('button', { name: has('shell:account', { name: '' }) }).click()
  await page.getByRole('menuitem', { name: say('shell:signOut') }).click()
  await title(page, 'door:title').waitFor()
  const refused = async (who, why) => {
    const at = await somebody()
    await signsIn(at, who.name)
    await at.getByText(t(`door:oidcRefused.${why}`)).waitFor()
    is('the word behind the # is taken out', at.url() === `${room.address}/sign-in`)
    is('they are not in', !(await at.context().cookies()).some((c) => c.name === 'awase_session'))
    await screen(at, `oidc-refused-${why}`)
  }
  await refused(stranger, 'email')
  await refused(stopped, 'request')
})
