// The contract's attributes in words: the same as reports name them.
import { useQuery } from '@tanstack/react-query'
import { useWords } from '../../report/useWords'
import { dimName } from '../../report/names'
import type { Attribute } from '../../desk/protocol'
import { languages, wordsIn } from '../../words'

/** How an attribute is named to people. */
export function useAttributeName(): (name: string) => string {
  const w = useWords()
  return (name) => dimName(w, name)
}

/** The attributes with the words that a header may say for them, in either language,
 * whichever is spoken; undefined while they come. */
export function useAttributes(names: string[] | undefined): Attribute[] | undefined {
  return useQuery({ queryKey: ['attribute-words', names], enabled: !!names, staleTime: Infinity, networkMode: 'always', queryFn: () => attributesOf(names ?? []) }).data
}

export async function attributesOf(names: string[]): Promise<Attribute[]> {
  const dims = await Promise.all(languages.map(async (l) => ((await wordsIn(l, 'report').catch(() => ({}) as Record<string, unknown>)).dim ?? {}) as Record<string, string>))
  return names.map((name) => ({ name, words: dims.flatMap((d) => (Object.hasOwn(d, name) ? [d[name]!] : [])) }))
}
