import type { ReactNode } from 'react'

export type Column<T> = { id: string; head: ReactNode; cell: (row: T) => ReactNode; num?: boolean; header?: boolean }

/** A table whose head sticks; numbers stand right. It scrolls in itself, by keyboard too. */
export function Table<T>({ label, columns, rows, id }: { label: string; columns: Column<T>[]; rows: T[]; id: (row: T) => string }) {
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={label}>
      <table className="table">
        <caption className="unseen">{label}</caption>
        <thead>
          <tr>
            {columns.map((c) => (
              <th key={c.id} scope="col" className={c.num ? 'num' : undefined}>
                {c.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((r) => (
            <tr key={id(r)}>
              {columns.map((c) =>
                c.header ? (
                  <th key={c.id} scope="row">
                    {c.cell(r)}
                  </th>
                ) : (
                  <td key={c.id} className={c.num ? 'num' : undefined}>
                    {c.cell(r)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
