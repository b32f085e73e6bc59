// What the harness sees: every control that a day rests on is shown one thing that it
// must report. Says which went unseen.
import { EventEmitter } from 'node:events'
import { day } from './harness.mjs'
import { watch } from './watch.mjs'

await day('sees', async ({ room, person, screen, fault, taken }) => {
  const page = await person()
  await page.goto('/sign-in')
  await page.getByRole('heading', { level: 1 }).first().waitFor()
  await screen(page, 'nothing-is-wrong')
  const before = taken()
  if (before.length) return before.forEach(fault)

  const seen = async (what, mark, f, undo) => {
    await f()
    await screen(page, what)
    const faults = taken()
    if (!faults.some((text) => mark.test(text))) fault(`${what} went unseen: ${JSON.stringify(faults)}`)
    await undo?.()
  }
  const append = (html) => page.evaluate((h) => document.querySelector('main').insertAdjacentHTML('beforeend', `<div id="planted">${h}</div>`), html)
  const remove = () => page.evaluate(() => document.getElementById('planted').remove())

  await seen('an-error-on-the-console', /console error: no word shell:x/, () => page.evaluate(() => console.error('no word shell:x in ja')))
  await seen('a-warning-on-the-console', /console warning: hm/, () => page.evaluate(() => console.warn('hm')))
  await seen('an-error-of-a-worker', /console error: (of|at) a worker/, () =>
    page.evaluate(() => {
      // A worker of the room's own: any script of it will do, for what follows is told to it.
      window.planted = new Worker(new URL([...document.scripts].find((s) => s.src).src), { type: 'module' })
    }).then(async () => {
      const worker = page.workers()[0] ?? (await page.waitForEvent('worker'))
      await worker.evaluate(() => console.error('of a worker'))
    }),
  )
  await page.evaluate(() => window.planted.terminate())
  taken()
  await seen('an-exception-that-nobody-caught', /nobody caught: .*fell through/, () => page.evaluate(() => void setTimeout(() => { throw new Error('fell through') })).then(() => page.waitForEvent('pageerror', { timeout: 1000 }).catch(() => {})))
  await seen('a-refusal-that-nobody-announced', /\/v1\/me was answered with 401/, () => page.evaluate(() => fetch('/v1/me').then(() => {})))
  await seen('a-request-to-elsewhere', /another origin: GET http:\/\/elsewhere\.example/, () => page.evaluate(() => fetch('http://elsewhere.example/').catch(() => {})))
  await seen('an-inline-script', /Content Security Policy/, () =>
    page.evaluate(() => {
      const s = document.createElement('script')
      s.textContent = '1'
      document.body.append(s)
      s.remove()
    }),
  )
  await seen('a-picture-without-words', /axe image-alt/, () => append('<img src="/icon.svg">'), remove)
  await seen('a-contrast-that-is-low', /dark: axe color-contrast/, () => append('<p id="pale">pale</p>').then(() => page.evaluate(() => (document.getElementById('pale').style.color = '#777'))), remove)
  await seen('a-small-target', /a target of \d+ × 20 px: small/, () => append('<button id="small">small</button>').then(() => page.evaluate(() => (document.getElementById('small').style.height = '20px'))), remove)
  await seen('a-page-that-is-too-wide', /scrolls sideways/, () => append('<p id="wide">wide</p>').then(() => page.evaluate(() => (document.getElementById('wide').style.width = '3000px'))), remove)
  await seen('another-language', /says that it is in en-GB/, () => page.evaluate(() => (document.documentElement.lang = 'en-GB')))

  // To where people sign in they are sent, and the page asks it for nothing.
  const sent = (elsewhere, navigation) => {
    const context = new EventEmitter()
    const faults = []
    watch(context, new EventEmitter(), room.address, (text) => faults.push(text), elsewhere)
    context.emit('request', { url: () => 'http://provider.example/login', method: () => 'GET', isNavigationRequest: () => navigation })
    return faults.length
  }
  if (sent('http://provider.example', true) !== 0) fault('people may not go to the provider')
  if (sent('http://provider.example', false) !== 1) fault('a request to the provider went unseen')
  if (sent('http://other.example', true) !== 1 || sent(undefined, true) !== 1) fault('going to another than the provider went unseen')

  // What is planted in what goes over the line, each over a line of its own: TestPageSees
  // looks for it there.
  page.faults.refuses(404, '/favicon.ico', 0) // asked for beside a picture, at some time
  for (const { address, how, value } of room.plants) {
    await page.goto(`${address}/icon.svg`)
    await page.evaluate(plant, { how, value })
  }
  taken() // refused, as it should be
})

// Runs in a page: sends a value, which is given in base64.
async function plant({ how, value }) {
  const bytes = Uint8Array.from(atob(value), (c) => c.charCodeAt(0))
  const around = new Blob([new Uint8Array(70_000), bytes, new Uint8Array(70_000)])
  const text = new TextDecoder().decode(bytes)
  switch (how) {
    case 'address':
      return void (await fetch('/v1/room?x=' + encodeURIComponent(text)))
    case 'header':
      return void (await fetch('/v1/room', { headers: { 'Idempotency-Key': text } }))
    case 'body':
      return void (await fetch('/v1/session', { method: 'POST', body: around }))
    case 'upload':
      return new Promise((done) => {
        const x = new XMLHttpRequest()
        x.open('PATCH', '/v1/uploads/x')
        x.setRequestHeader('Content-Type', 'application/offset+octet-stream')
        x.onloadend = () => done()
        x.send(around)
      })
    case 'nothing':
      return void (await fetch('/v1/session', { method: 'POST', body: new Blob([new Uint8Array(140_000)]) }))
    default:
      throw new Error(`plant ${how}?`)
  }
}
