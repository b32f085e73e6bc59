import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Button } from '../../ui/button'
import { CopyButton } from '../../ui/copy'
import { Checkbox } from '../../ui/field'
import { save } from '../../ui/save'
import { Banner } from '../../ui/state'

/** Codes for who loses the authenticator: shown once, so they go on only when kept. */
export function RecoveryCodes({ codes, onKept }: { codes: string[]; onKept: () => void }) {
  const { t } = useTranslation('me')
  const [kept, setKept] = useState(false)
  const text = codes.join('\n')
  return (
    <Banner kind="good" title={t('recovery.title')} live>
      <p>{t('recovery.text')}</p>
      <ul className="codes" aria-label={t('recovery.list')}>
        {codes.map((c) => (
          <li key={c}>{c}</li>
        ))}
      </ul>
      <div className="row">
        <CopyButton text={text} />
        <Button onPress={() => save('awase-recovery-codes.txt', `${text}\n`)}>{t('recovery.save')}</Button>
      </div>
      <Checkbox isSelected={kept} onChange={setKept}>
        {t('recovery.kept')}
      </Checkbox>
      <div>
        <Button kind="primary" isDisabled={!kept} onPress={onKept}>
          {t('recovery.on')}
        </Button>
      </div>
    </Banner>
  )
}
