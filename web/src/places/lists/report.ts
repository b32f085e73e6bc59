// The validation report as a file: for programs as JSON, for people as text.
import type { i18n as I18n } from 'i18next'
import type { Meta } from '../../desk/meta'
import { number, time } from '../../ui/format'
import { save } from './save'

type T = (key: never, values?: Record<string, unknown>) => string

export function reportText(m: Meta, say: T, i18n: Pick<I18n, 'exists'>): string {
  const t = (key: string, values?: Record<string, unknown>) => say(key as never, values)
  const r = m.found?.report
  if (!r) return ''
  const lines = [
    `${t('report.title')}: ${m.entrustment} / ${m.list}${m.version ? ` v${m.version}` : ''}`,
    time(m.created),
    '',
    `${t('count.rows')} ${number(r.rows)}`,
    `${t('count.accepted')} ${number(r.accepted)}`,
    `${t('count.repaired')} ${number(r.repaired)}`,
    `${t('count.duplicate')} ${r.duplicates < 0 ? t('count.notCounted') : number(r.duplicates)}`,
    `${t('count.rejected')} ${number(r.rejected)}`,
  ]
  if (r.no_consent > 0) lines.push(`${t('count.noConsent')} ${number(r.no_consent)}`)
  if (m.diff) lines.push('', t('sending.diff', { added: number(m.diff.added), removed: number(m.diff.removed) }))
  for (const g of m.found?.groups ?? []) {
    const known = i18n.exists(`lists:reason.${g.reason}.0`)
    lines.push('', `${g.column || t('problems.row')}: ${t(known ? `reason.${g.reason}.0` : 'reason.other.0')} (${number(g.count)})`)
    if (g.rows.length > 0) lines.push(`  ${t('problems.rows')}: ${g.rows.map((n) => number(n)).join(', ')}`)
    lines.push(`  ${known ? t(`reason.${g.reason}.1`) : g.mend}`)
  }
  return lines.join('\n') + '\n'
}

export function reportJSON(m: Meta): string {
  return JSON.stringify({ schema: 'awase.check/v1', entrustment: m.entrustment, list: m.list, version: m.version, change: m.change || 'replace', at: m.created, ...m.diff, ...m.found }, null, 2) + '\n'
}

export function saveReport(m: Meta, as: 'text' | 'json', t: T, i18n: Pick<I18n, 'exists'>) {
  const name = `${m.entrustment}_${m.list}${m.version ? `_v${m.version}` : ''}_check`
  if (as === 'json') save(reportJSON(m), `${name}.json`)
  else save('\uFEFF' + reportText(m, t, i18n), `${name}.txt`)
}
