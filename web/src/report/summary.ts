// A chart in a sentence or two, for who does not see it.
import { figure } from './figures'
import { thousands } from './figures'
import type { Chart, Mark } from './chart'
import type { Kind } from './measures'
import type { Words } from './names'

const marksOf = (c: Chart): Mark[] => {
  switch (c.form) {
    case 'pyramid':
      return c.rows.flatMap((r) => [r.left, r.right])
    case 'dots':
      return c.rows.flatMap((r) => r.marks)
    case 'tiles':
      return [...c.marks.values()]
    case 'funnel':
      return c.steps
    case 'lift':
      return [...c.arms, c.difference]
    default:
      return c.marks
  }
}

export function summaryOf(w: Words, c: Chart): string {
  const marks = marksOf(c)
  const kind: Kind = c.form === 'lift' ? 'share' : c.form === 'funnel' ? 'count' : c.kind
  const text = (m: Mark, v: number) => (c.form === 'lift' && m === c.difference ? `${thousands(w, 100 * v, 2)}` : figure(w, kind, v))
  const seen = marks.filter((m) => m.at)
  const out = [w.t('say.head', { what: c.title, n: marks.length })]
  const bar = (m: Mark) => w.t('say.bar', { label: m.label, value: text(m, m.at!.value), low: text(m, m.at!.low), high: text(m, m.at!.high) })
  if (c.form === 'dots') {
    const names = (of: Mark[]) => of.slice(0, 8).map((m) => m.label).join(w.t('condition.list'))
    const above = seen.filter((m) => m.at!.low > c.zero)
    const below = seen.filter((m) => m.at!.high < c.zero)
    if (above.length) out.push(w.t('say.above', { names: names(above) }))
    if (below.length) out.push(w.t('say.below', { names: names(below) }))
    if (!above.length && !below.length) out.push(w.t('say.neither'))
  } else if (c.form === 'lift' || c.form === 'funnel' || (seen.length > 0 && seen.length <= 4)) {
    out.push(seen.map(bar).join(w.t('say.between')) + w.t('say.end'))
  } else if (seen.length > 4) {
    const sorted = [...seen].sort((a, b) => b.at!.value - a.at!.value)
    out.push(w.t('say.most', { most: bar(sorted[0]!), least: bar(sorted.at(-1)!) }))
  }
  const withheld = marks.filter((m) => m.at === undefined).length
  if (withheld > 0) out.push(w.t('say.withheld', { n: withheld }))
  out.push(w.t('say.table'))
  return out.join(w.lang === 'ja' ? '' : ' ')
}
