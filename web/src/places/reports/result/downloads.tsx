import { useQuery } from '@tanstack/react-query'
import { nameFrom } from '../../../report/filename'
import { fileOf, type Read } from '../../../report/useRelease'
import type { Words } from '../../../report/names'

const formats = ['xlsx', 'pdf', 'csv-bom', 'csv', 'csv-sjis', 'parquet', 'arrow', 'json'] as const

/** Every form of the report, under a name that can be read. */
export function Downloads({ words: w, id, read }: { words: Words; id: string; read: Read }) {
  // The server names the files; the page shows the name before anything is saved.
  const name = useQuery({
    queryKey: ['file-name', id, w.lang],
    staleTime: Infinity,
    initialData: read.name?.lang === w.lang ? read.name.text : undefined,
    queryFn: async () => {
      const answer = await fetch(fileOf(id, 'json', w.lang))
      return nameFrom(answer.headers.get('Content-Disposition')) ?? null
    },
  })
  const base = name.data?.replace(/\.json$/, '')
  return (
    <section className="panel no-print">
      <h2>{w.t('download.title')}</h2>
      <ul className="result-links">
        {formats.map((f) => (
          <li key={f}>
            <a href={fileOf(id, f, w.lang)} download={base ? `${base}${f === 'csv-sjis' ? '_sjis' : ''}.${f.split('-')[0]}` : true}>
              {w.t(`download.${f}`)}
            </a>
          </li>
        ))}
      </ul>
      {base && <p className="small quiet">{w.t('download.name', { name: `${base}.xlsx` })}</p>}
    </section>
  )
}
