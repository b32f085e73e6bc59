// The day of ad-ops: a messy list is looked at, sealed and sent over a line that is cut;
// the browser is loaded anew in between; the next day brings more people; a file that
// can't be read is refused before anything leaves.
import { day, line } from './harness.mjs'
import { choose, downloaded, drop, enter, valueOf, visit } from './hands.mjs'

await day('adops', async (d) => {
  const { room, t, say, has, person, screen, is } = d
  const page = await person()
  const wire = line(room)
  const button = (key, values) => page.getByRole('button', { name: say(key, values) })
  const heading = (key, values) => page.getByRole('heading', { name: has(key, values) })
  const seen = async (text, where) => is(`${where} shows no identifier`, !text.includes('uguisu.') && !text.includes('5512-'))

  await enter(page, d, 'acme', 'adops')
  await visit(page, d, 'lists')
  await page.getByRole('table').getByRole('link', { name: 'spring', exact: true }).first().waitFor()
  await screen(page, 'lists')

  // Step 1: where to.
  await page.getByRole('link', { name: say('lists:add') }).click()
  await page.getByText(t('lists:new.local')).waitFor()
  await choose(page, has('lists:where.entrustment'), /^acme-2026-spring/)
  await choose(page, has('lists:where.list'), has('lists:where.another'))
  await page.getByLabel(t('lists:where.name')).fill('messy')

  // A file that can't be read: it says why, where and what to do, and nothing left.
  await drop(page.locator('.drop'), room.files.refused)
  await page.getByRole('alert').getByText(t('lists:fault.open_quote.what')).waitFor()
  await page.getByText(t('lists:fault.kept')).waitFor()
  await screen(page, 'list-refused')

  // Steps 2 and 3: what it is, and what will be sent of it.
  await drop(page.locator('.drop'), room.files.messy)
  await page.getByText(/Shift.?JIS/i).waitFor()
  const taken = (column) => page.getByRole('button', { name: has('lists:columns.useOf', { column }) })
  const used = async (column, as) => (await taken(column).innerText()).includes(t(`lists:use.${as}`))
  await taken('会員ランク').waitFor()
  is('the header that says an attribute of the contract is proposed as it', await used('会員ランク', 'value'))
  is('the attribute has the name that reports have for it', (await page.getByRole('button', { name: has('lists:columns.attribute') }).innerText()).includes(t('report:dim.tier')))
  is('the name that nobody may have is not', await used('氏名', 'drop'))
  await page.getByRole('heading', { name: say('lists:check.title') }).waitFor()
  const number = (n) => new Intl.NumberFormat(room.language).format(n)
  const counts = page.locator('dl.counts')
  for (const [name, n] of Object.entries(room.counts)) {
    const got = await valueOf(counts, t(`lists:count.${name}`))
    is(`of the rows ${number(n)} are counted as ${name}, not ${got}`, got === number(n))
  }
  await seen(await page.locator('main').innerText(), 'the step of columns')
  await screen(page, 'list-new')

  // One value, as each destination would have it. It is typed, and goes nowhere.
  await page.getByText(t('lists:value.title')).click()
  await page.getByRole('textbox', { name: t('lists:value.label'), exact: true }).fill(room.one)
  await button('lists:value.check').click()
  await page.getByText(has('lists:value.present')).waitFor()
  await screen(page, 'list-value')
  const rows = await downloaded(page, () => button('lists:problems.download').click())
  is(`the rows with problems are named ${rows.name}`, rows.name === 'rows-problems.csv')
  is('they are rows, not values', rows.text.split('\n').length > 300)
  await seen(rows.text, 'the list of rows')

  // Step 4: the line is cut in the middle; what came is kept; it is paused, and the
  // browser loaded anew.
  await wire.cut(60_000)
  await page.faults.cut(async () => {
    await button('lists:send.start').click()
    await wire.hasCut(1)
    await page.getByText(t('lists:phase.waiting')).waitFor()
    await screen(page, 'list-cut')
    await button('lists:sending.pause').click()
    await page.getByText(t('lists:phase.paused')).waitFor()
    await wire.mend()
    await page.goto('/lists')
    await heading('lists:sending.title').waitFor()
  })
  is('the line was cut once', (await wire.cuts()) === 1)
  await screen(page, 'list-paused')
  await button('lists:sending.resume').click()
  await page.getByText(t('lists:sending.loadedText', { list: 'messy', version: '1' })).waitFor()
  await page.getByText(t('lists:report.title')).click()
  await screen(page, 'list-sent')
  const report = await downloaded(page, () => button('lists:report.text').click())
  await seen(report.text + report.name, 'the validation report')
  is('the report has its numbers', report.text.includes(number(room.counts.rows)) || report.text.includes(String(room.counts.rows)))

  // More people the next day: a cut heals by itself.
  await page.getByRole('link', { name: say('lists:sending.see') }).click()
  await page.getByRole('heading', { level: 1, name: 'messy' }).waitFor()
  await page.getByRole('link', { name: say('lists:one.refresh') }).click()
  await page.getByRole('radio', { name: has('lists:where.add') }).click({ force: true })
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), button('lists:file.choose').click()])
  await chooser.setFiles(room.files.more)
  await page.getByRole('heading', { name: say('lists:check.title') }).waitFor()
  await wire.cut(20_000)
  await page.faults.cut(async () => {
    await button('lists:send.start').click()
    await wire.hasCut(2)
    await page.getByText(t('lists:phase.waiting')).waitFor()
    await wire.mend()
    await page.getByText(t('lists:sending.loadedText', { list: 'messy', version: '2' })).waitFor()
  })
  is('the line was cut twice', (await wire.cuts()) === 2)
  await page.getByRole('link', { name: say('lists:sending.see') }).click()
  const versions = page.getByRole('table').filter({ hasText: t('lists:column.removed') })
  await versions.getByRole('row', { name: has('lists:one.version', { n: 2 }) }).waitFor()
  const second = await versions.getByRole('row', { name: has('lists:one.version', { n: 2 }) }).innerText()
  is(`the second version says how many rows came: ${second}`, second.includes(`+${number(room.added)}`))

  // The day after, the whole list in its place: what it changes is said of it, too.
  await page.getByRole('link', { name: say('lists:one.refresh') }).click()
  const [again] = await Promise.all([page.waitForEvent('filechooser'), button('lists:file.choose').click()])
  await again.setFiles(room.files.whole)
  await page.getByRole('heading', { name: say('lists:check.title') }).waitFor()
  await button('lists:send.start').click()
  await page.getByText(t('lists:sending.loadedText', { list: 'messy', version: '3' })).waitFor()
  const { added, removed } = room.replaced
  await page.getByText(t('lists:sending.diff', { added: number(added), removed: number(removed) })).waitFor()
  await page.getByRole('link', { name: say('lists:sending.see') }).click()
  const third = await versions.getByRole('row', { name: has('lists:one.version', { n: 3 }) }).innerText()
  is(`the third version says how many rows came and went: ${third}`, third.includes(`+${number(added)}`) && third.includes(`−${number(removed)}`))
  await screen(page, 'list-versions')

  // A list that comes again: by its header, last year's rank would be counted by; it is
  // this year's that is wanted, also of the next version.
  const told = (key) => page.getByText(t(key))
  const sentAgain = async (version) => {
    await button('lists:send.start').click()
    await page.getByText(t('lists:sending.loadedText', { list: 'ranked', version })).waitFor()
    is('what was found is told once', (await page.locator('dl.counts').count()) === 1)
    is('what is sent can not be chosen again', !(await told('lists:problems.goOn').isVisible()) && !(await told('lists:phaseText.sending').isVisible()) && !(await told('lists:new.lead').isVisible()))
    is('there is one thing to do', (await page.locator('main [data-kind=primary]').count()) === 1)
  }
  await visit(page, d, 'lists')
  await page.getByRole('link', { name: say('lists:add') }).click()
  await choose(page, has('lists:where.entrustment'), /^acme-2026-spring/)
  await choose(page, has('lists:where.list'), has('lists:where.another'))
  await page.getByLabel(t('lists:where.name')).fill('ranked')
  await drop(page.locator('.drop'), room.files.ranked)
  await taken('今期ランク').waitFor()
  is('nothing is remembered of a list that was never sent', !(await told('lists:columns.asBefore').isVisible()))
  is('of two the one whose header says it is proposed', (await used('会員ランク', 'value')) && (await used('今期ランク', 'drop')))
  await choose(page, has('lists:columns.useOf', { column: '会員ランク' }), has('lists:use.drop'))
  await choose(page, has('lists:columns.useOf', { column: '今期ランク' }), has('lists:use.value'))
  await page.getByRole('heading', { name: say('lists:check.title') }).waitFor()
  await sentAgain('1')
  await screen(page, 'list-done')
  await page.getByRole('link', { name: say('lists:sending.see') }).click()
  await page.getByRole('link', { name: say('lists:one.refresh') }).click()
  await page.getByRole('radio', { name: has('lists:where.replace') }).waitFor()
  await drop(page.locator('.drop'), room.files.reranked)
  await told('lists:columns.asBefore').waitFor()
  is('the columns are what they were', (await used('会員ランク', 'drop')) && (await used('今期ランク', 'value')))
  await page.getByRole('heading', { name: say('lists:check.title') }).waitFor()
  await page.getByText(t('lists:columns.unlisted', { values: 'platinum' })).waitFor()
  await screen(page, 'list-remembered')
  await button('lists:columns.propose').click()
  await told('lists:columns.asProposed').waitFor()
  is('they are as proposed where that is wanted', (await used('会員ランク', 'value')) && (await used('今期ランク', 'drop')))
  await button('lists:columns.restore').click()
  await page.getByText(t('lists:columns.unlisted', { values: 'platinum' })).waitFor()
  await page.getByRole('heading', { name: say('lists:check.title') }).waitFor()
  await sentAgain('2')
  await seen(await page.locator('main').innerText(), 'the list')
  const kept = await page.evaluate(async () => {
    const names = []
    const walk = async (dir) => {
      for await (const [name, at] of dir.entries()) {
        names.push(name)
        if (at.kind === 'directory') await walk(at)
      }
    }
    await walk(await navigator.storage.getDirectory())
    return names.join(' ') + JSON.stringify({ ...localStorage })
  })
  await seen(kept, 'what is kept in the browser')
  is('no value of a list is kept in the browser', kept.includes('今期ランク') && !kept.includes('platinum') && !kept.includes('bronze'))

  // The notices of loads name their lists, and lead there.
  await page.goto('/notices')
  const ofMessy = page.getByRole('main').getByRole('link', { name: /messy/ }).first()
  await ofMessy.waitFor()
  await screen(page, 'notices-of-lists')
  await ofMessy.click()
  await page.getByRole('heading', { level: 1, name: 'messy' }).waitFor()
})
