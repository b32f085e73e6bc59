// A question in words: title, conditions, window. The same sentences as in the files.
import { dimName, reportName, valueName, type Words } from './names'
import { dimsOf, plain, type Release } from './release'

/** A condition as the contract of the API has it: exactly one member is set. */
export type Condition = {
  all?: Condition[]
  any?: Condition[]
  not?: Condition
  in?: Record<string, string[]>
  between?: Record<string, string[]>
  list?: string
  event?: { category: string; at_least: number; within: string | number }
}

/** What was asked, in a sentence. */
export function title(w: Words, r: Release): string {
  const name = (s: string) => ({ name: plain(s) })
  let who = w.t('title.members')
  if (r.campaign) who = w.t(r.lift ? 'title.audience' : 'title.reached', name(r.campaign.id))
  else if (r.list) who = w.t('title.list', name(r.list))
  const dims = dimsOf(r)
  const what = dims.length ? w.t('title.by', { who, dims: dims.map((d) => dimName(w, d.name)).join(w.t('title.dims')) }) : who
  return w.t('title.whole', { report: reportName(w, r.report), what })
}

/** The question's further terms: its campaign's audience, condition, categories that no
 * dimension shows, how conversions are credited, window. */
export function terms(w: Words, r: Release): string[] {
  const q = r.question as unknown as {
    dims?: string[]
    where?: Condition
    categories?: string[]
    window?: { from: string; to: string }
    attribution?: { model: string; click: string | number; view: string | number; half_life?: string | number }
  }
  const out: string[] = []
  if (r.campaign) {
    let a = w.t('condition.audience', { list: plain(r.list ?? '') })
    if (r.campaign.where) a = w.t('condition.and', { a, b: condition(w, r.campaign.where as Condition) })
    if (r.campaign.holdout > 0) a = w.t('condition.holdout', { a, n: r.campaign.holdout })
    out.push(a)
  }
  if (q.where) out.push(w.t('condition.where', { what: condition(w, q.where) }))
  if (q.categories?.length && !q.dims?.includes('category')) out.push(w.t('condition.events', { what: q.categories.map((c) => valueName(w, 'category', c)).join(w.t('condition.list')) }))
  if (q.attribution) {
    const a = q.attribution
    let model = w.has(`condition.model.${a.model}`) ? w.t(`condition.model.${a.model}`) : plain(a.model)
    if (a.half_life && days(a.half_life) > 0) model = w.t('condition.half', { model, days: days(a.half_life) })
    out.push(w.t('condition.credited', { model, click: days(a.click), view: days(a.view) }))
  }
  if (q.window) out.push(w.t('condition.window', { from: q.window.from, to: q.window.to }))
  return out
}

/** "30d" as 30. */
const days = (d: string | number) => Number(String(d).replace(/d$/, ''))

/** A condition in words. */
export const condition = (w: Words, c: Condition): string => phrase(w, c).text

type Phrase = { text: string; joined: boolean }

function phrase(w: Words, c: Condition): Phrase {
  const one = (text: string): Phrase => ({ text, joined: false })
  if (c.not) return one(c.not.list ? w.t('condition.notOn', { name: plain(c.not.list) }) : w.t('condition.not', { what: condition(w, c.not) }))
  for (const [dim, values] of Object.entries(c.in ?? {})) {
    const text = w.t('condition.in', { dim: dimName(w, dim), values: values.map((v) => valueName(w, dim, v)).join(w.t('condition.values')) })
    // In Japanese 東京都・神奈川県 needs no brackets among others.
    return { text, joined: w.lang === 'en' && values.length > 1 }
  }
  for (const [dim, [from = '', to = '']] of Object.entries(c.between ?? {}))
    return one(w.t('condition.between', { dim: dimName(w, dim), from: valueName(w, dim, from), to: valueName(w, dim, to) }))
  if (c.list) return one(w.t('condition.on', { name: plain(c.list) }))
  if (c.event) return one(w.t('condition.event', { days: days(c.event.within), category: plain(c.event.category), n: c.event.at_least }))
  if (c.any) return group(w, c.any, w.t('condition.or'), w.t('condition.nobody'))
  return group(w, c.all ?? [], w.t('condition.all'), w.t('condition.everyone'))
}

function group(w: Words, cs: Condition[], between: string, none: string): Phrase {
  if (cs.length === 0) return { text: none, joined: false }
  if (cs.length === 1) return phrase(w, cs[0]!)
  const texts = cs.map((c) => {
    const p = phrase(w, c)
    return p.joined ? w.t('condition.group', { what: p.text }) : p.text
  })
  return { text: texts.join(between), joined: true }
}
