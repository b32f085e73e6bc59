// A question as a title: the sentence of its kind with its parts filled in.
import { dimName, type Words } from '../../report/names'
import { condition } from '../../report/question'
import type { Document } from './ask/question'

/** What a question asks, in a few words: "プロフィール：リスト「spring」の突合済みの人を年代・性別別に". */
export function titleOf(w: Words, q: Document): string {
  const who = q.campaign ? w.t(q.report === 'lift' ? 'title.audience' : 'title.reached', { name: q.campaign }) : q.list ? w.t('title.list', { name: q.list }) : w.t('title.members')
  const dims = (q.dims ?? []).map((d) => dimName(w, d)).join(w.t('title.dims'))
  const what = dims ? w.t('title.by', { who, dims }) : who
  return w.t('title.whole', { report: w.t(`report.${q.report}`), what })
}

/** Whether the reports of two questions can be laid side by side: of one kind, by the same. */
export const besides = (a: Document, b: Document) => a.report === b.report && [...(a.dims ?? [])].sort().join(' ') === [...(b.dims ?? [])].sort().join(' ')

/** The condition in words; undefined: there is none. */
export const whereIn = (w: Words, q: Document) => (q.where ? condition(w, q.where) : undefined)
