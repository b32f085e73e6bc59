// What a question costs, as the room says: asked once it has stood still for a moment.
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { api, ask } from '../../../api/client'
import { foretold, forecastOf, type Price } from './budget'
import { lacks, toDocument, type Draft } from './question'
import { useSettled } from './keep'
import { useMatched } from './matched'

export const expected = (d: Draft) => Number(d.expect.normalize('NFKC').replace(/[^0-9]/g, '')) || 0

/** A price with the forecast for as many people as somebody expects or, where nobody says,
 * for the share of the list that is matched of those whom the room would count if all of it
 * were. */
export async function forecast(price: (expect: number) => Promise<Price>, stated: number, share: number): Promise<Price> {
  const first = await price(stated)
  const f = forecastOf(first)
  if (stated > 0 || share >= 1 || !foretold(f)) return first
  return price(Math.max(1, Math.round(f.people * share)))
}

export function priceOf(d: Draft, share = 1) {
  const question = toDocument(d)
  const stated = expected(d)
  const price = (expect: number): Promise<Price> => ask(api.POST('/v1/prices', { body: { question, ...(expect ? { expect } : {}) } }))
  return {
    queryKey: ['price', JSON.stringify(question), stated, stated ? 1 : share],
    queryFn: () => forecast(price, stated, share),
    staleTime: 30_000,
  }
}

/** Of a draft that lacks something there is none. While another is asked the one before stays. */
export function usePrice(d: Draft) {
  const settled = useSettled(d, 500)
  const matched = useMatched(settled)
  return useQuery({ ...priceOf(settled, matched?.share), enabled: lacks(settled).length === 0 && !!matched, placeholderData: keepPreviousData })
}
