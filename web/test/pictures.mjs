// Cuts the README's four pictures out of the screenshots that the tests of the page
// made: node test/pictures.mjs ../bin/page ../docs/page
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const [from, to] = process.argv.slice(2)
const pictures = [
  { name: 'report', of: 'ja/report.png', y: 0, height: 1400 },
  { name: 'ask', of: 'ja/ask.png', y: 0, height: 1100 },
  { name: 'list', of: 'ja/list-value.png', y: 1300, height: 1420 },
  { name: 'phone', of: 'en/report-360-dark.png', y: 0, height: 1400, width: 360 },
]

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'] })
const page = await browser.newPage()
mkdirSync(to, { recursive: true })
for (const p of pictures) {
  const width = p.width ?? 1280
  await page.setViewportSize({ width, height: p.height })
  const png = readFileSync(join(from, p.of)).toString('base64')
  await page.setContent(`<body style="margin:0;overflow:hidden"><img style="display:block;margin-top:-${p.y}px" src="data:image/png;base64,${png}">`)
  await page.waitForFunction(() => document.images[0].complete)
  writeFileSync(join(to, `${p.name}.png`), await page.screenshot())
}
await browser.close()
