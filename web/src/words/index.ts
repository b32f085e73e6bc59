// The words of the page: one file a place and language, loaded with the place.
import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'

export type Language = 'ja' | 'en'
export const languages: Language[] = ['ja', 'en']

const files = import.meta.glob<{ default: Record<string, unknown> }>('./{ja,en}/*.json')

const load = {
  type: 'backend' as const,
  read(language: string, place: string, done: (err: unknown, words: Record<string, unknown> | null) => void) {
    const file = files[`./${language}/${place}.json`]
    if (!file) return done(new Error(`there are no words of ${place} in ${language}`), null)
    file().then(
      (m) => done(null, m.default),
      (err: unknown) => done(err, null),
    )
  },
}

/** The words of a place in a language, whichever is spoken. */
export const wordsIn = async (language: Language, place: string): Promise<Record<string, unknown>> => (await files[`./${language}/${place}.json`]?.())?.default ?? {}

const kept = 'awase.language'

export function firstLanguage(): Language {
  const was = localStorage.getItem(kept)
  if (was === 'ja' || was === 'en') return was
  return navigator.language.startsWith('en') ? 'en' : 'ja'
}

export async function startWords() {
  document.documentElement.lang = firstLanguage()
  await i18next
    .use(load)
    .use(initReactI18next)
    .init({
      lng: firstLanguage(),
      fallbackLng: false,
      supportedLngs: languages,
      ns: ['shell', 'ui'],
      defaultNS: 'ui',
      interpolation: { escapeValue: false }, // React escapes
      returnNull: false,
      saveMissing: true, // a missing key is an error that tests see
      missingKeyHandler: (lng, ns, key) => console.error(`no word ${ns}:${key} in ${String(lng)}`),
      react: { useSuspense: true },
      showSupportNotice: false,
    } as Parameters<typeof i18next.init>[0])
}

/** Whether somebody chose the language in this browser. */
export const wasChosen = () => localStorage.getItem(kept) !== null

/** Changes the language; chosen: it is a wish that stays. */
export async function speak(language: Language, chosen: boolean) {
  if (chosen) localStorage.setItem(kept, language)
  await i18next.changeLanguage(language)
  document.documentElement.lang = language
}

export const spoken = () => i18next.language as Language
