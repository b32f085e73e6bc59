// A report's file, byte for byte, and the release that it holds: what the page shows is
// what its receipt is checked against.
import { useQuery } from '@tanstack/react-query'
import { api, ask } from '../api/client'
import { spoken } from '../words'
import { nameFrom } from './filename'
import { readRelease, type Release } from './release'

/** name is what the server calls the file in the language that was spoken then. */
export type Read = { bytes: Uint8Array; release: Release; name?: { lang: string; text: string } }

export const fileOf = (report: string, format: string, lang?: string) => `/v1/reports/${encodeURIComponent(report)}/files/${format}${lang ? `?lang=${lang}` : ''}`

async function read(report: string, lang: 'ja' | 'en'): Promise<Read> {
  const answer = await api.GET('/v1/reports/{report}/files/{format}', { params: { path: { report, format: 'json' }, query: { lang } }, parseAs: 'arrayBuffer' })
  const bytes = new Uint8Array((await ask(Promise.resolve(answer))) as unknown as ArrayBuffer)
  const text = nameFrom(answer.response.headers.get('Content-Disposition'))
  return { bytes, release: readRelease(bytes), ...(text ? { name: { lang, text } } : {}) }
}

/** A release never changes: it is read once. */
export const useRelease = (report: string | undefined) => useQuery({ queryKey: ['release', report], queryFn: () => read(report!, spoken()), enabled: !!report, staleTime: Infinity })

/** A report's row, which says until when it is kept; null: there is none. */
export function useReportRow(report: string) {
  return useQuery({
    queryKey: ['report-row', report],
    staleTime: 60_000,
    queryFn: async () => (await ask(api.GET('/v1/reports', { params: { query: { report } } }))).items[0] ?? null,
  })
}
