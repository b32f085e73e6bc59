import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { DropZone } from 'react-aria-components/DropZone'
import { FileTrigger } from 'react-aria-components/FileTrigger'
import { Text } from 'react-aria-components/Text'
import type { Desk } from '../../../desk/desk'
import { DeskError, type Attribute, type Preview } from '../../../desk/protocol'
import { today } from '../../../desk/schema'
import { Button } from '../../../ui/button'
import { Radios } from '../../../ui/field'
import { bytes, number } from '../../../ui/format'
import { Facts } from '../../../ui/page'
import { Banner, Skeleton } from '../../../ui/state'
import { FileRefused, wordsOf } from '../fault'

type HashKind = 'email' | 'phone' | 'maid'
export type Seen = { file: File; preview: Preview; kind?: HashKind; attributes: Attribute[] }

/** Step 2: files are dropped, or chosen; within a second it is seen what they are. */
export function FileStep({ desk, files, attributes, onFiles, onSeen, seen }: { desk: Desk; files: File[]; attributes?: Attribute[]; onFiles: (f: File[]) => void; onSeen: (s: Seen) => void; seen?: Seen }) {
  const { t } = useTranslation('lists')
  const file = files[0]
  const [kind, setKind] = useState<HashKind | null>(null)
  const [error, setError] = useState<unknown>()
  const told = useRef(onSeen)
  told.current = onSeen
  useEffect(() => {
    if (!file || !attributes) return
    const stop = new AbortController()
    setError(undefined)
    desk.preview(file, { purpose: 'list', name: file.name, today: today(), kind: kind ?? undefined, attributes }, { signal: stop.signal }).then(
      (preview) => !stop.signal.aborted && told.current({ file, preview, kind: kind ?? undefined, attributes }),
      (err: unknown) => !stop.signal.aborted && setError(err),
    )
    return () => stop.abort()
  }, [desk, file, kind, attributes])
  const take = (list: File[]) => {
    setKind(null)
    setError(undefined)
    if (list.length > 0) onFiles(list)
  }
  const hashKind = error instanceof DeskError && wordsOf(error.fault) === 'hash_kind'
  return (
    <div className="stack-s">
      <DropZone
        className="drop"
        getDropOperation={() => 'copy'}
        onDrop={(e) => void Promise.all(e.items.filter((i) => i.kind === 'file').map((i) => i.getFile())).then(take)}
      >
        <Text slot="label">{t('file.drop')}</Text>
        <FileTrigger allowsMultiple onSelect={(l) => take([...(l ?? [])])}>
          <Button kind={file ? 'normal' : 'primary'}>{file ? t('file.another') : t('file.choose')}</Button>
        </FileTrigger>
        <p className="small quiet">{t('file.formats')}</p>
      </DropZone>
      {files.length > 1 && <p className="small">{t('file.queue', { n: files.length - 1 })}</p>}
      {error !== undefined && (
        <FileRefused error={error}>
          {hashKind && (
            <Radios<HashKind> label={t('file.hashOf')} value={kind} onChange={setKind} choices={(['email', 'phone', 'maid'] as const).map((id) => ({ id, label: t(`kind.${id}`) }))} />
          )}
        </FileRefused>
      )}
      {file && !seen && error === undefined && <Skeleton lines={3} />}
      {seen && <FileFacts file={seen.file} p={seen.preview} />}
    </div>
  )
}

function FileFacts({ file, p }: { file: File; p: Preview }) {
  const { t } = useTranslation('lists')
  const known = ['comma', 'tab', 'semicolon']
  return (
    <>
      <Facts
        rows={[
          [t('file.name'), `${file.name}（${bytes(file.size)}）`],
          [t('file.format'), [p.format, p.encoding, p.delimiter && known.includes(p.delimiter) ? t(`file.${p.delimiter}` as 'file.comma') : undefined, p.packing].filter(Boolean).join(' · ')],
          [t('file.rows'), p.counted ? t('file.counted', { rows: number(p.rows) }) : t('file.estimated', { rows: number(round(p.rows)) })],
          [t('file.columns'), number(p.columns.length)],
          [t('file.template'), p.template ? t('file.recognised', { template: p.template }) : t('file.noTemplate')],
        ]}
      />
      {p.headless && <Banner title={t('file.headless')} />}
      {p.notices?.map((n) => (
        <Banner key={n} title={t('file.notice')}>
          <p lang="en">{n}</p>
        </Banner>
      ))}
    </>
  )
}

/** An estimate has two figures that say something. */
export function round(n: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(n, 1))) - 1)
  return Math.round(n / unit) * unit
}
