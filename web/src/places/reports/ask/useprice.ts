// What a question costs, as the room says: asked once it has stood still for a moment.
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { api, ask } from '../../../api/client'
import type { Price } from './budget'
import { lacks, toDocument, type Draft } from './question'
import { useSettled } from './keep'

export const expected = (d: Draft) => Number(d.expect.normalize('NFKC').replace(/[^0-9]/g, '')) || 0

export function priceOf(d: Draft) {
  const question = toDocument(d)
  const expect = expected(d)
  return {
    queryKey: ['price', JSON.stringify(question), expect],
    queryFn: (): Promise<Price> => ask(api.POST('/v1/prices', { body: { question, ...(expect ? { expect } : {}) } })),
    staleTime: 30_000,
  }
}

/** Of a draft that lacks something there is none. While another is asked the one before stays. */
export function usePrice(d: Draft) {
  const settled = useSettled(d, 500)
  return useQuery({ ...priceOf(settled), enabled: lacks(settled).length === 0, placeholderData: keepPreviousData })
}
