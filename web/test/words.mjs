// The page's words as the page has them, so that a day names what it presses by key
// and no wording breaks it.
import { readFileSync } from 'node:fs'

const files = new Map()

function file(language, place) {
  const path = new URL(`../src/words/${language}/${place}.json`, import.meta.url)
  if (!files.has(path.href)) files.set(path.href, JSON.parse(readFileSync(path, 'utf8')))
  return files.get(path.href)
}

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Words of a language: t('door:signIn') is the text, with values in it; say('door:signIn')
 * is a pattern of all of it, in which a value that is not given may be anything. */
export function wordsOf(language) {
  const raw = (key) => {
    const [place, path] = key.split(':')
    const word = path.split('.').reduce((at, part) => at?.[part], file(language, place))
    if (typeof word !== 'string') throw new Error(`no word ${key} in ${language}`)
    return word
  }
  const t = (key, values = {}) => raw(key).replace(/\{\{\s*(\w+)[^}]*\}\}/g, (all, name) => values[name] ?? all)
  const pattern = (key, values) =>
    t(key, values)
      .split(/\{\{[^}]*\}\}/)
      .map(escape)
      .join('.*')
  const say = (key, values) => new RegExp(`^\\s*${pattern(key, values)}\\s*$`)
  const has = (key, values) => new RegExp(pattern(key, values))
  return { t, say, has }
}
