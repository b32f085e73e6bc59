// How long a list of 1.5 million rows takes in the page: checked, sealed and sent,
// each apart, and how much memory the tab has. Against a room to rehearse in:
//
//   awase serve --practice --listen 127.0.0.1:8740 …
//   node test/bench-upload.mjs http://127.0.0.1:8740 [rows]
//
// Chromium is /usr/bin/chromium, or what CHROMIUM names.
import { execFileSync } from 'node:child_process'
import { createWriteStream, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const [room, count = '1500000'] = process.argv.slice(2)
if (!room) throw new Error('name the room: node test/bench-upload.mjs http://127.0.0.1:8740')
const rows = Number(count)
const dir = mkdtempSync(join(tmpdir(), 'awase-bench-'))

/** Made-up people, as messy as exports are: full-width numbers, lost zeros, capitals. */
async function writeList(path) {
  const out = createWriteStream(path)
  let lines = 'メールアドレス,携帯番号,会員ランク\r\n'
  for (let i = 0; i < rows; i++) {
    const n = String(10_000_000 + ((i * 7919) % 90_000_000))
    const phone = i % 100 === 3 ? `０９０−${n.slice(0, 4)}−${n.slice(4)}` : i % 100 === 4 ? `90${n}` : `090-${n.slice(0, 4)}-${n.slice(4)}`
    const email = i % 100 === 7 ? ` Member${i}@Example${i % 977}.CO.JP` : i % 1000 === 8 ? 'no address' : `member${i}@example${i % 977}.co.jp`
    lines += `${email},${phone},${['gold', 'silver', 'bronze'][i % 3]}\r\n`
    if (lines.length > 1 << 20) {
      if (!out.write(lines)) await once(out, 'drain')
      lines = ''
    }
  }
  out.end(lines)
  await once(out, 'finish')
}

/** Resident bytes of the browser's renderers, workers included, and the largest one. */
function memory(profile) {
  let most = 0
  for (const pid of readdirSync('/proc').filter((p) => /^\d+$/.test(p))) {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      if (!line.includes('--type=renderer') || !isOf(pid, profile)) continue
      most = Math.max(most, Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024)
    } catch {
      // ended meanwhile
    }
  }
  return most
}

/** A renderer's line of parents ends at the browser of this profile. */
function isOf(pid, profile) {
  for (let p = pid; p !== '0' && p !== '1'; ) {
    if (readFileSync(`/proc/${p}/cmdline`, 'utf8').includes(profile)) return true
    p = /PPid:\s+(\d+)/.exec(readFileSync(`/proc/${p}/status`, 'utf8'))?.[1] ?? '0'
  }
  return false
}

const seconds = (since) => ((performance.now() - since) / 1000).toFixed(1)

const list = join(dir, 'list.csv')
await writeList(list)
const profile = join(dir, 'profile')
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  locale: 'ja-JP',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
try {
  const page = context.pages()[0] ?? (await context.newPage())
  await page.goto(room)
  await page.locator('div.stack-s', { has: page.getByRole('heading', { name: 'acme', exact: true }) }).getByRole('button', { name: '広告運用' }).click()
  await page.getByRole('link', { name: 'リスト', exact: true }).click()
  await page.getByRole('link', { name: 'リストを送る' }).first().click()
  await page.getByRole('button', { name: /委託/ }).click()
  await page.getByRole('option', { name: /acme-2026-spring/ }).click()
  await page.getByRole('button', { name: /リスト/ }).click()
  await page.getByRole('option', { name: /新しいリスト/ }).click()
  await page.getByLabel('リストの名前').fill(`bench-${Date.now()}`)

  let at = performance.now()
  await page.locator('input[type=file]').setInputFiles(list)
  await page.getByRole('table', { name: '列の一覧' }).waitFor()
  const preview = seconds(at)
  const all = (at = performance.now())
  await page.getByRole('heading', { name: '確認結果' }).waitFor({ timeout: 300_000 })
  const check = seconds(at)
  at = performance.now()
  await page.getByRole('button', { name: '封をして送信する' }).click()
  await page.getByText('封をしています').waitFor()
  await page.getByText('封をしています').waitFor({ state: 'detached', timeout: 300_000 })
  const seal = seconds(at)
  at = performance.now()
  await page.getByText('ルームが読み込んでいます').waitFor({ timeout: 300_000 })
  const send = seconds(at)
  const whole = seconds(all)
  at = performance.now()
  await page.getByText(/版になりました/).waitFor({ timeout: 300_000 })
  const most = memory(profile)
  console.log(JSON.stringify({ rows, preview, check, seal, send, whole, load: seconds(at), megabytes: Math.round(most / 1e6), cores: Number(execFileSync('nproc').toString()) }))
} finally {
  await context.close()
  rmSync(dir, { recursive: true, force: true })
}
