// A look at a screen, as people with other eyes and hands have it.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** WCAG 2.2 at A and AA, as axe calls it. */
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

/** Looks at a screen in light and in dark: axe finds nothing, the head of the document
 * is as it should be, targets are large, the page does not scroll sideways; and leaves a
 * screenshot of each. options.full: the whole page, not its first part. */
export async function look(page, { language, path, fault, full = true }) {
  // What was drawn for another width is drawn anew a moment later.
  await page.waitForFunction(() => document.scrollingElement.scrollWidth <= innerWidth, null, { timeout: 5_000 }).catch(() => {})
  const head = await page.evaluate(() => ({ lang: document.documentElement.lang, title: document.title, heads: document.querySelectorAll('h1').length, wide: document.scrollingElement.scrollWidth - innerWidth }))
  if (head.lang !== language) fault(`the document says that it is in ${head.lang}`)
  if (!/^.+ · Awase$/.test(head.title)) fault(`its title is "${head.title}"`)
  if (head.heads < 1) fault('it has no h1')
  if (head.wide > 0) fault(`it scrolls sideways by ${head.wide} px`)
  for (const small of await page.evaluate(smallTargets)) fault(small)
  for (const theme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
    await page.evaluate((all) => all && scrollTo(0, 0), full) // what sticks is at its place
    await page.waitForFunction((want) => document.documentElement.dataset.theme === want, theme)
    await page.screenshot({ path: `${path}${theme === 'dark' ? '-dark' : ''}.png`, fullPage: full, animations: 'disabled', caret: 'hide' })
    for (const v of await check(page)) fault(`${theme}: ${v}`)
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
}

/** What axe finds, a line each. */
export async function check(page) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe)
  const found = await page.evaluate(async (values) => {
    const { violations } = await window.axe.run(document, { runOnly: { type: 'tag', values }, resultTypes: ['violations'] })
    return violations.map((v) => ({ id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} ${n.html.slice(0, 160)} — ${n.any.map((a) => a.message).join(' ')}`) }))
  }, tags)
  return found.map((v) => `axe ${v.id}: ${v.help}\n  ${v.nodes.join('\n  ')}`)
}

// Runs in the page: buttons and fields that are lower than 44 px. Links within text are
// as high as their line.
function smallTargets() {
  const out = []
  const hidden = (el) => {
    for (let at = el; at; at = at.parentElement) if (getComputedStyle(at).clipPath === 'inset(50%)') return true
    return false
  }
  for (const el of document.querySelectorAll('button, a.button, input:not([type=hidden]), select, textarea, [role=button], [role=tab], [role=option], [role=menuitem], summary')) {
    if (!el.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || el.closest('[aria-hidden=true], .unseen')) continue
    // A checkbox is pressed by its label.
    const target = el.matches('input[type=checkbox], input[type=radio]') ? (el.closest('label') ?? el) : el
    const { width, height } = target.getBoundingClientRect()
    if (width <= 1 || height <= 1 || hidden(el)) continue // for hearing only
    if (height < 43.5) out.push(`a target of ${Math.round(width)} × ${Math.round(height)} px: ${(el.getAttribute('aria-label') ?? el.textContent ?? '').trim().slice(0, 40) || el.outerHTML.slice(0, 80)}`)
  }
  return out
}
