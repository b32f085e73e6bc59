// What the page and its worker say to each other. The worker reads the file; of what
// is in it only masked samples, places and counts come back (cmd/wasm/desk).

export type Kind = 'email' | 'phone' | 'maid' | 'cookie'
export type Change = '' | 'add' | 'remove'

/** How finely a value column is read; absent: as the values that are listed. */
export type Generaliser =
  | { birth_date: { width: number; from: number; to: number } }
  | { age: { width: number; from: number; to: number } }
  | { prefecture: true }
  | { region: true }
  | { day: true }
  | { amount: number[] }

export type ListColumn = { column: string; kind?: Kind; namespace?: string; profile?: string; name?: string; values?: string[]; generalise?: Generaliser }

/** list.yaml. */
export type ListSchema = { schema: 'awase.list/v1'; region?: string; user_key?: string; columns: ListColumn[]; consent?: { column: string }; drop?: string[] }

/** An attribute by its name in the contract, and by words that a header may say for it. */
export type Attribute = { name: string; words: string[] }

export type Options = {
  purpose: 'list'
  name: string
  today: string
  schema?: string
  kind?: Kind
  /** Attributes that the contract takes of a list, and words for them. */
  attributes?: Attribute[]
  change?: Change
  key?: string
  entrustment?: string
  version?: number
  party?: string
  list?: string
  upload?: string
}

export type PreviewColumn = {
  position: number
  name: string
  use: string
  holds: string
  certainty: 'certain' | 'likely' | 'unsure'
  ground: string
  filled: number
  hashed: number
  spoilt: number
  yes_no: number
  samples?: string[]
  suggested?: string
  values?: string[]
  /** Its header is an attribute of the contract, under the suggested name. */
  named?: boolean
}

export type Preview = {
  format: string
  encoding: string
  delimiter?: string
  packing?: string
  notices?: string[]
  template?: string
  headless?: boolean
  headed?: boolean
  looked: number
  rows: number
  counted: boolean
  columns: PreviewColumn[]
  schema: ListSchema
}

export type Form = { profile: string; text?: string; hash?: string; repairs?: string[]; reason?: string; mend?: string }
export type Found = { kind: '' | Kind; forms?: Form[]; looked: number; total: number; rows?: { row: number; column: string; form: string }[] }

export type ColumnReport = { column: string; use: string; filled: number; hashed: number; repaired: number; refused: number; unreadable: number }

export type Report = {
  packing?: string
  format: string
  encoding: string
  delimiter?: string
  notices?: string[] | null
  rows: number
  accepted: number
  repaired: number
  rejected: number
  no_consent: number
  duplicates: number
  repairs: Record<string, number>
  faults: Record<string, number>
  columns: ColumnReport[]
  dropped: string[] | null
  problems: number
}

export type Group = { kind: string; column: string; reason: string; mend: string; count: number; least?: boolean; rows: number[] }

export type Checked = {
  report: Report
  groups: Group[]
  /** CSV: row, column, reason, mend; never a value. */
  problems?: Blob
}

export type Sealed = Checked & { bytes: number }

/** What a file that is refused whole suffers from, as the modules tell it (intake/table). */
export const sorts = ['no_rows', 'no_header', 'no_identifier', 'hash_kind', 'locked', 'open_quote', 'long_row', 'too_large', 'encoding', 'archive', 'hidden', 'repeated', 'direct', 'unnamed', 'columns', 'damaged', 'format', 'other'] as const
export type Sort = (typeof sorts)[number]

/** What the page and its worker fail by. */
export const failures = ['E_NO_ROOM', 'E_FILE_GONE', 'E_ABORTED', 'E_WORKER', 'E_PAGE', 'E_SEAL'] as const
export type Failure = (typeof failures)[number]

/** Why something was not done: code is one of failures, or of the modules' (E_FILE,
 * E_DOCUMENT); sort is of a file that is refused whole. */
export type Fault = { code: string; sort?: Sort; field: string; detail: string; mend: string; clause: string }

export class DeskError extends Error {
  readonly fault: Fault
  constructor(fault: Fault) {
    super(fault.detail)
    this.fault = fault
  }
}

export type Work =
  | { do: 'preview'; file: File; options: Options }
  | { do: 'find'; file: File; options: Options; value: string; kind?: Kind }
  | { do: 'check'; file: File; options: Options }
  | { do: 'seal'; file: File; options: Options; into: string }

export type Asked = { warm: true } | { id: number; work: Work } | { id: number; cancel: true }
export type Answered = { id: number; rows: number; bytes: number } | { id: number; done: unknown } | { id: number; fault: Fault }
