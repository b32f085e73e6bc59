// From signing in to the table of a report without a mouse.
import { day } from './harness.mjs'

await day('keyboard', async (d) => {
  const { t, say, has, person, screen, is, fault } = d
  const page = await person()
  const press = (key) => page.keyboard.press(key)
  const places = page.getByRole('navigation', { name: say('shell:places') })

  // Tabs on until what has the focus is what is looked for. Wherever it is on the way, it
  // is seen.
  const reach = async (what, locator, most = 80) => {
    await locator.first().waitFor()
    const at = await locator.first().elementHandle()
    for (let n = 0; n < most; n++) {
      await press('Tab')
      const { there, lost, unseen, under } = await page.evaluate(focusOf, at)
      if (lost) continue // it went through the browser's own controls
      if (unseen) fault(`on the way to ${what} the focus is not seen: ${unseen}`)
      if (under) fault(`on the way to ${what} the focus is under ${under}`)
      if (there) return
    }
    throw new Error(`${what} was not reached by keyboard`)
  }

  await page.goto('/')
  const role = page.getByRole('heading', { name: 'acme', exact: true }).locator('..').getByRole('button', { name: say('shell:role.marketing') })
  await reach('the role', role)
  await press('Enter')
  await places.waitFor()
  await page.getByRole('heading', { level: 1 }).first().waitFor()

  // Past the menu with one key.
  await page.reload()
  await places.waitFor()
  await page.getByRole('heading', { level: 1 }).first().waitFor()
  await reach('the way past the menu', page.getByRole('link', { name: say('shell:skip') }), 3)
  await screen(page, 'skip', { full: false })
  await press('Enter')
  is('the focus is at the content', await page.evaluate(() => document.activeElement?.id === 'main' || location.hash === '#main'))

  await press('g')
  await press('r')
  await page.getByRole('heading', { level: 1, name: say('reports:title') }).waitFor()
  const report = page.getByRole('table').getByRole('rowheader').getByRole('link', { name: has('report:report.profile') })
  await report.first().waitFor()
  await press('/')
  is('/ leads to the search', await page.evaluate(() => document.activeElement?.matches('input[type=search]')))
  await page.keyboard.type('spring')
  await report.first().waitFor()
  await reach('a report', report)
  await press('Enter')
  const table = page.getByRole('region', { name: say('report:table.title') })
  await reach('the table', table)
  await table.getByRole('row').nth(2).waitFor()
  await screen(page, 'keyboard-table', { full: false })

  await press('?')
  await page.getByRole('heading', { level: 1, name: say('help:title') }).waitFor()
  await press('g')
  await press('h')
  await page.waitForURL((url) => url.pathname === '/')

  // A menu and a dialog by keyboard: the account's menu opens, and Escape closes it.
  await reach('the account', page.getByRole('button', { name: say('shell:account') }))
  await press('Enter')
  await page.getByRole('menuitem', { name: say('shell:signOut') }).waitFor()
  await press('Escape')
  await page.getByRole('menu').waitFor({ state: 'detached' })
  // The focus goes back with the next frame.
  await page.waitForFunction((e) => document.activeElement === e, await page.getByRole('button', { name: say('shell:account') }).elementHandle())
  await press('Enter')
  await page.getByRole('menuitem', { name: say('shell:signOut') }).waitFor()
  await press('End')
  await press('Enter')
  await page.getByRole('heading', { level: 1, name: t('door:title') }).waitFor()
})

// Runs in the page: where the focus is, and whether it is seen there.
function focusOf(wanted) {
  const el = document.activeElement
  if (!el || el === document.body) return { lost: true }
  const ring = (e) => {
    const s = getComputedStyle(e)
    return (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2) || s.boxShadow !== 'none'
  }
  // A box is drawn for an input that is not seen itself.
  const seen = ring(el) || (el.closest('label, [data-focus-visible]') && ring(el.closest('label, [data-focus-visible]')))
  const name = (el.getAttribute('aria-label') ?? el.textContent ?? '').trim().slice(0, 40) || el.outerHTML.slice(0, 80)
  // WCAG 2.2, 2.4.11: not wholly under what stays in its place while the rest scrolls.
  const box = (el.closest('label') ?? el).getBoundingClientRect()
  const across = [0.1, 0.5, 0.9].flatMap((x) => [0.1, 0.5, 0.9].map((y) => [box.left + x * box.width, box.top + y * box.height]))
  const on = across.map(([x, y]) => document.elementFromPoint(x, y)).filter(Boolean)
  const free = on.length === 0 || on.some((o) => el.contains(o) || o.contains(el) || el.closest('label')?.contains(o))
  return { there: el === wanted, under: free ? '' : `${on[0].tagName} ${on[0].className}: ${name}`, unseen: seen ? '' : `${el.tagName} ${name}` }
}
