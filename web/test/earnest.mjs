// A room in earnest: the first admin is made with the code that was printed, signs in by
// password, and finds nothing of practice there.
import { day } from './harness.mjs'
import { visit } from './hands.mjs'

await day('earnest', async (d) => {
  const { room, t, say, person, screen, is, secret } = d
  const page = await person()
  const first = { email: 'first@example.jp', password: 'a pass phrase of seven plain words' }
  await page.goto('/')
  await page.getByRole('heading', { name: say('door:setup.title') }).waitFor()
  // What is chosen at the door is the language of who comes in by it.
  for (const other of room.language === 'ja' ? ['English', '日本語'] : ['日本語', 'English']) await page.getByRole('button', { name: other, exact: true }).click()
  is('nobody is let in without a password', (await page.getByRole('heading', { name: say('door:practice.title') }).count()) === 0)
  await screen(page, 'first-admin')
  await page.getByRole('link', { name: say('door:setup.go') }).click()
  secret(room.code)
  is('the setup proposes the language of the door', (await page.locator('[name=language]').inputValue()) === room.language)
  await page.locator('[name=code]').fill(room.code)
  await page.locator('[name=email]').fill(first.email)
  await page.locator('[name=name]').fill('First')
  await page.locator('[name=password]').fill(first.password)
  await Promise.all([page.waitForResponse((r) => r.request().method() === 'POST' && r.status() === 201), page.locator('[type=submit]').click()])
  // The account speaks as the door did: asked without a page, which would say so itself.
  const made = await (await person()).request.post('/v1/session', { data: { email: first.email, password: first.password } })
  is('the account is in the language of the door', (await made.json()).language === room.language)
  await page.goto('/')
  await page.getByLabel(t('door:email')).fill(first.email)
  await page.getByLabel(t('door:password')).fill(first.password)
  page.faults.refuses(404, '/v1/ledger', 0) // nobody has a budget yet
  await page.getByRole('button', { name: say('door:signIn') }).click()
  await page.getByRole('button', { name: say('shell:account', { name: 'First' }) }).waitFor()
  await page.getByRole('heading', { level: 1 }).first().waitFor()
  is('no strip says that it is practice', (await page.getByText(t('shell:practice')).count()) === 0)
  await screen(page, 'home-earnest')
  await visit(page, d, 'admin')
  await page.getByRole('navigation', { name: say('admin:title') }).getByRole('link', { name: say('admin:health.name') }).click()
  await page.getByText(t('admin:health.peopleReal')).waitFor()
  await screen(page, 'health-earnest')
  for (const place of ['entrustments', 'lists', 'reports']) {
    await visit(page, d, place)
    await page.locator('.empty').first().waitFor() // it teaches the next step
    await screen(page, `empty-${place}`)
  }
})
