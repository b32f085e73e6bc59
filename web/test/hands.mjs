// What hands do on every screen.
import { readFileSync } from 'node:fs'

/** Enters a room to rehearse in as a role of a party, with one click. */
export async function enter(page, { say }, party, role) {
  await page.goto('/')
  await page.getByRole('heading', { name: party, exact: true }).locator('..').getByRole('button', { name: say(`shell:role.${role}`) }).click()
  await page.getByRole('button', { name: say('shell:account') }).waitFor() // the menu of places is shut on a phone
  await page.getByRole('heading', { level: 1 }).first().waitFor()
}

/** Goes to a place by the menu. */
export async function visit(page, { say }, place) {
  await page.getByRole('navigation', { name: say('shell:places') }).getByRole('link', { name: say(`shell:place.${place}`) }).click()
  await page.getByRole('heading', { level: 1 }).first().waitFor()
}

/** Chooses of a select, which is named by its label, within a part of the page. */
export async function choose(within, label, option) {
  const page = within.page?.() ?? within
  const wished = page.getByRole('option', { name: option })
  await within.getByRole('button', { name: label }).click()
  await wished.click()
}

/** Drops a file onto a part of the page, as from the desktop. */
export async function drop(onto, path) {
  const page = onto.page()
  const devtools = await page.context().newCDPSession(page)
  await onto.scrollIntoViewIfNeeded()
  // What arrives moves it: where it is twice, it stays.
  let box = await onto.boundingBox()
  for (let n = 0, before; n < 600 && (!box || !before || box.x !== before.x || box.y !== before.y); n++) {
    before = box
    await page.waitForTimeout(100)
    box = await onto.boundingBox()
  }
  const at = { x: box.x + 24, y: box.y + 24, data: { items: [], files: [path], dragOperationsMask: 1 } }
  for (const type of ['dragEnter', 'dragOver', 'drop']) await devtools.send('Input.dispatchDragEvent', { type, ...at })
  await devtools.detach()
}

/** Presses what begins a download, and gives its name and its text. */
export async function downloaded(page, press) {
  const [download] = await Promise.all([page.waitForEvent('download'), press()])
  const bytes = readFileSync(await download.path())
  return { name: download.suggestedFilename(), bytes, text: bytes.toString('utf8') }
}

/** The number under a name in a list of names and values; of several, the first. */
export const valueOf = async (within, name) => (await within.locator('dt', { hasText: name }).first().locator('xpath=following-sibling::dd[1]').innerText()).trim()
