// A party's document (party.yaml) as a form has it, and back.
import type { Schemas } from '../../../api/client'

export type Doc = Schemas['Party']
export type Officer = { name: string; key: string; origin: string }
export type Fields = { id: string; class: Doc['class']; group: string; country: string; upload: string; delivery: string; serving: string; officers: Officer[] }

export const noFields: Fields = { id: '', class: 'client', group: '', country: 'JP', upload: '', delivery: '', serving: '', officers: [] }

export const fieldsOf = (d: Doc): Fields => ({
  id: d.id,
  class: d.class,
  group: d.group,
  country: d.country,
  upload: d.upload_key ?? '',
  delivery: d.delivery_key ?? '',
  serving: d.serving_key ?? '',
  officers: (d.officers ?? []).map((o) => ({ name: o.name, key: o.key, origin: o.origin ?? '' })),
})

/** The document of what was typed: what was left empty is left out. */
export function docOf(f: Fields): Doc {
  const id = f.id.trim()
  const doc: Doc = { schema: 'awase.party/v1', id, class: f.class, group: f.group.trim() || id, country: f.country.trim().toUpperCase() }
  if (f.upload.trim()) doc.upload_key = f.upload.trim()
  if (f.delivery.trim()) doc.delivery_key = f.delivery.trim()
  if (f.class === 'ad-platform' && f.serving.trim()) doc.serving_key = f.serving.trim()
  const officers = f.officers.filter((o) => o.name.trim() || o.key.trim())
  if (officers.length > 0)
    doc.officers = officers.map((o) => ({ name: o.name.trim(), key: o.key.trim(), ...(o.key.trim().startsWith('passkey:') && o.origin.trim() ? { origin: o.origin.trim() } : {}) }))
  return doc
}

const name = /^[a-z0-9][a-z0-9._-]{0,63}$/

/** What is wrong of what was typed, by field: a key of the words. What is not said
 * here the room says. */
export function wrong(f: Fields): Partial<Record<'id' | 'group' | 'country' | 'upload', 'name' | 'country' | 'upload'>> {
  const out: ReturnType<typeof wrong> = {}
  if (f.id && !name.test(f.id.trim())) out.id = 'name'
  if (f.group && !name.test(f.group.trim())) out.group = 'name'
  if (!/^[A-Za-z]{2}$/.test(f.country.trim())) out.country = 'country'
  if (f.upload.trim() && !/^ed25519:[A-Za-z0-9+/]{43}=$/.test(f.upload.trim())) out.upload = 'upload'
  return out
}
