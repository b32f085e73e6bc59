// The day of a client: marketing looks at what can be asked, asks, waits and reads; takes
// a file along, compares, has it repeated; the session ends in between; the budget does
// not reach; and a colleague reads what was shared, on a phone.
import { day } from './harness.mjs'
import { choose, downloaded, enter, visit } from './hands.mjs'

const entrustment = 'acme-2026-spring'

await day('client', async (d) => {
  const { room, t, say, has, person, screen, is } = d
  const page = await person()
  const button = (key, values) => page.getByRole('button', { name: say(key, values) })
  const link = (key, values) => page.getByRole('link', { name: say(key, values) })
  const title = (key) => page.getByRole('heading', { level: 1, name: say(key) })
  const precision = (n) => page.getByRole('radio', { name: has('reports:precision.n', { n }) })
  const ask = page.getByRole('button', { name: has('reports:submit.cost') })

  await enter(page, d, 'acme', 'marketing')
  await screen(page, 'home-client')
  await visit(page, d, 'entrustments')
  await page.getByRole('link', { name: entrustment }).first().click()
  await page.getByRole('heading', { level: 1, name: new RegExp(entrustment) }).waitFor()
  await screen(page, 'entrustment')
  await visit(page, d, 'reports')
  await page.getByRole('table').getByRole('link').first().waitFor()
  await screen(page, 'reports')

  // What can be asked, and what it would cost.
  const build = async () => {
    await link('reports:list.ask').first().click()
    await title('reports:gallery.title').waitFor()
    const card = page.getByRole('article').filter({ has: page.getByRole('heading', { name: say('reports:standard.profile.name') }) })
    await card.waitFor()
    return card
  }
  let card = await build()
  await screen(page, 'gallery')
  const cards = await page.getByRole('main').getByRole('article').getByRole('link').allInnerTexts()
  is(`each way to a kind of report has a name of its own: ${cards}`, cards.length > 3 && new Set(cards).size === cards.length)
  await card.getByRole('link').click()
  await title('reports:standard.profile.name').waitFor()
  const question = page.getByRole('region', { name: say('reports:form.question') })
  await choose(question, new RegExp(`${t('reports:form.whichList')}$`), say('reports:form.list', { name: 'spring' }))
  await precision('40').check({ force: true })
  await ask.waitFor()
  // A planning cube tells how much of the list is matched: the forecast is for so many.
  await page.getByText(has('reports:forecast.known')).waitFor()
  is('nobody is asked what is known', (await page.getByLabel(t('reports:forecast.rate')).count()) === 0)
  await screen(page, 'ask')
  await ask.click()
  await page.waitForURL(/\/reports\/rep-/)

  // The report: numbers, chart, table, what is withheld, what protects whom, its receipt.
  const verified = page.locator('.badge', { hasText: t('report:receipt.verified') })
  await verified.waitFor()
  const table = page.getByRole('region', { name: say('report:table.title') })
  await table.getByRole('row').nth(3).waitFor()
  const drawn = page.locator('section.chart').first()
  await drawn.waitFor()
  await drawn.locator('canvas, svg').first().waitFor()
  const withheld = table.getByText(t('report:withheld.full'), { exact: true })
  is('some cell is withheld, or all are shown', (await withheld.count()) > 0 || (await page.getByText(t('report:withheld.why')).count()) === 0)
  await page.getByRole('heading', { name: say('report:about.title') }).waitFor()
  is('that it is practice is said once', (await page.getByText(t('report:page.practice')).count()) === 1 && (await page.getByText(t('report:page.dev')).count()) === 0)
  await page.getByText(t('report:receipt.show')).click()
  for (const one of ['signature', 'table', 'checkpoint', 'inclusion', 'entry']) await page.getByText(t(`report:receipt.check.${one}`)).waitFor()
  await screen(page, 'report')
  const report = page.url()
  await page.setViewportSize({ width: 360, height: 740 })
  await screen(page, 'report-360')
  await page.setViewportSize({ width: 1280, height: 800 })

  const files = {}
  for (const format of ['xlsx', 'pdf', 'csv-bom', 'json']) files[format] = await downloaded(page, () => link(`report:download.${format}`).click())
  for (const [format, { name, bytes }] of Object.entries(files)) is(`the file is readable by its name: ${name}`, new RegExp(`^[^\\s/]*acme[^\\s/]*\\.${format.split('-')[0]}$`).test(name) && bytes.length > 500)
  is('the table is in it', files['csv-bom'].text.split('\n').length > 10)
  is('the receipt is in it', files.json.text.includes('"receipt"'))

  // Beside another one.
  await link('report:page.compare').click()
  await title('report:compare.title').waitFor()
  await page.getByRole('button', { name: has('report:compare.choose') }).click()
  await page.getByRole('option').first().click()
  await page.getByRole('region', { name: say('report:compare.title') }).getByRole('row').nth(2).waitFor()
  await screen(page, 'compare')

  // Again each month; and the session ends while it is put together.
  await visit(page, d, 'reports')
  card = await build()
  await card.getByRole('link').click()
  await choose(question, new RegExp(`${t('reports:form.whichList')}$`), say('reports:form.list', { name: 'spring' }))
  await ask.or(button('reports:submit.free')).waitFor()
  page.faults.refuses(401, /^\/v1\//)
  // What asks next without a session opens the dialog: the price, or what the page asks
  // from time to time.
  await precision('10').check({ force: true })
  await page.context().clearCookies()
  const dialog = page.getByRole('dialog', { name: say('shell:expired.title') })
  await dialog.waitFor()
  await screen(page, 'expired-asking', { full: false })
  await dialog.getByLabel(t('door:password')).fill(room.accounts['marketing@acme.example'])
  await dialog.getByRole('button', { name: say('door:signIn') }).click()
  await dialog.waitFor({ state: 'detached' })
  await ask.waitFor()
  is('what was chosen is still chosen', (await precision('10').isChecked()) && (await question.getByText(t('reports:form.list', { name: 'spring' })).count()) > 0)
  await link('reports:submit.schedule').click()
  await title('reports:schedules.new.title').waitFor()
  await screen(page, 'schedule-new')
  await button('reports:schedules.new.make').click()
  await page.getByText(has('reports:schedules.new.done')).waitFor()
  await link('reports:schedules.new.list').click()
  await title('reports:schedules.title').waitFor()
  await page.getByText(t('reports:schedules.active')).first().waitFor()
  await screen(page, 'schedules')

  // Others of the party spend what is left while a question is being put together: the
  // room refuses it, says why and what to do, and nothing is lost.
  await visit(page, d, 'reports')
  card = await build()
  await card.getByRole('link').click()
  await choose(question, new RegExp(`${t('reports:form.whichList')}$`), say('reports:form.list', { name: 'spring' }))
  await precision('10').check({ force: true })
  await ask.waitFor()
  await spend(page, room)
  page.faults.refuses(/^4\d\d$/, /^\/v1\/reports$/, 0)
  await ask.click()
  const refused = page.getByRole('alert').filter({ hasText: t('refusals:E_BUDGET.what') }).or(page.getByText(t('reports:short.title')))
  await refused.first().waitFor()
  await page.getByText(t('reports:wait.kept')).waitFor()
  const details = page.getByRole('alert').getByText(t('ui:details'))
  await details.click()
  await page.getByRole('alert').getByText('E_BUDGET', { exact: true }).waitFor()
  is('what was asked is still there', await precision('10').isChecked())
  await screen(page, 'report-refused')

  // A colleague opens the link that was shared, on a phone.
  const colleague = await person({ viewport: { width: 360, height: 740 } })
  await enter(colleague, d, 'acme', 'viewer')
  await screen(colleague, 'home-viewer-360')
  await colleague.goto(new URL(report).pathname)
  await colleague.locator('.badge', { hasText: t('report:receipt.verified') }).waitFor()
  await screen(colleague, 'report-viewer-360')
  await colleague.goto('/reports')
  await colleague.getByRole('table').getByRole('link').first().waitFor()
  is('who reads does not ask', (await colleague.getByRole('link', { name: say('reports:list.ask') }).count()) === 0)
  await screen(colleague, 'reports-viewer-360')
  // Places that are not for who reads say so, and ask nothing of the room.
  for (const place of ['/lists', '/lists/new', '/admin', '/admin/people']) {
    await colleague.goto(place)
    await colleague.getByRole('heading', { level: 1, name: say('shell:notYours.title') }).waitFor()
  }
  await screen(colleague, 'not-yours-viewer-360')
  for (const place of ['/reports/ask', '/reports/ask/profile', '/reports/schedules/new']) {
    await colleague.goto(place)
    await colleague.getByText(t('reports:gallery.notYou.title')).waitFor()
  }
})

// Spends what the party has left of its budget, by questions that cost much.
async function spend(page, { address }) {
  const api = page.context().request
  const jobs = []
  for (const prefecture of ['北海道', '青森県', '岩手県', '宮城県', '秋田県', '山形県', '福島県', '茨城県', '栃木県', '群馬県', '埼玉県', '千葉県', '東京都', '神奈川県']) {
    const question = { schema: 'awase.report/v1', report: 'profile', entrustment, list: 'spring', dims: ['age_band', 'gender'], sigma: 5, where: { in: { prefecture: [prefecture] } } }
    const answer = await api.post(`${address}/v1/reports`, { data: { question } })
    if (answer.ok()) jobs.push((await answer.json()).id)
  }
  for (const id of jobs) {
    while (['waiting', 'running', 'queued'].includes((await (await api.get(`${address}/v1/jobs/${id}`)).json()).state)) await new Promise((done) => setTimeout(done, 200))
  }
}
