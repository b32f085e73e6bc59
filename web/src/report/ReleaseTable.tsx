import { useMemo, useState } from 'react'
import { Button } from '../ui/button'
import { number } from '../ui/format'
import { copyText } from './clipboard'
import type { Words } from './names'
import type { Release } from './release'
import { copyOf, sheetOf, type Entry, type Line } from './table'

const first = 120

/** The same numbers as the charts, all of them: to be read, and copied. */
export function ReleaseTable({ release, words: w }: { release: Release; words: Words }) {
  const sheet = useMemo(() => sheetOf(w, release), [w, release])
  const [all, showAll] = useState(false)
  const cells = sheet.lines.filter((l) => !l.sum)
  const shown = all ? cells : cells.slice(0, first)
  const sums = sheet.lines.filter((l) => l.sum)
  const title = w.t('table.title')
  return (
    <section className="stack-s">
      <div className="row between">
        <h2>{title}</h2>
        <Copy text={() => copyOf(sheet)} label={w.t('table.copy')} done={w.t('table.copied')} />
      </div>
      <div className="table-scroll release-scroll" tabIndex={0} role="region" aria-label={title}>
        <table className="table release-table">
          <caption className="unseen">{title}</caption>
          <thead>
            <tr>
              {sheet.heads.map((h) => (
                <th key={h.id} scope="col" className={h.num ? 'num' : undefined}>
                  {h.text}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((l) => (
              <Row key={l.id} line={l} keys={sheet.keys} />
            ))}
          </tbody>
          {sums.length > 0 && (
            <tfoot>
              {sums.map((l) => (
                <Row key={l.id} line={l} keys={sheet.keys} />
              ))}
            </tfoot>
          )}
        </table>
      </div>
      {shown.length < cells.length && (
        <div className="row no-print">
          <span className="quiet">{w.t('table.shown', { n: number(cells.length), shown: number(shown.length) })}</span>
          <Button onPress={() => showAll(true)}>{w.t('table.all', { n: number(cells.length) })}</Button>
        </div>
      )}
    </section>
  )
}

function Row({ line, keys }: { line: Line; keys: number }) {
  return (
    <tr data-sum={line.sum || undefined}>
      {line.sum ? (
        <th scope="row" colSpan={keys}>
          {line.entries[0]!.text}
        </th>
      ) : (
        line.entries.slice(0, keys).map((e, i) => (
          <th key={i} scope="row">
            {e.text}
          </th>
        ))
      )}
      {line.entries.slice(keys).map((e, i, all) => all[i - 1]?.withheld ? null : <Value key={i} entry={e} interval={i % 2 === 1} />)}
    </tr>
  )
}

function Value({ entry: e, interval }: { entry: Entry; interval: boolean }) {
  return (
    // What is withheld has no interval: it stands in the place of both.
    <td className={interval ? 'num quiet' : 'num'} colSpan={e.withheld ? 2 : 1}>
      {e.withheld ? <span className="withheld">{e.text}</span> : e.text}
    </td>
  )
}

/** A button that copies a text, and says that it did. */
export function Copy({ text, label, done, kind = 'normal' }: { text: () => string; label: string; done: string; kind?: 'normal' | 'primary' }) {
  const [copied, set] = useState(false)
  return (
    <span className="row no-print">
      <Button
        kind={kind}
        onPress={() => void copyText(text()).then(set)}
      >
        {label}
      </Button>
      <span role="status" className="small quiet">
        {copied ? done : ''}
      </span>
    </span>
  )
}
