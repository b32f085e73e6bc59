import { useTranslation } from 'react-i18next'
import { api, ask } from '../api/client'
import { Button } from '../ui/button'
import { Select } from '../ui/field'
import { chooseTheme, useChosenTheme, type Theme } from '../ui/theme'
import { speak, spoken } from '../words'

/** Changes to the other language; whoever is signed in keeps it with their account. */
export function LanguageSwitch({ signedIn }: { signedIn?: boolean }) {
  const { t, i18n } = useTranslation('shell')
  const other = i18n.language === 'ja' ? 'en' : 'ja'
  const change = async () => {
    await speak(other, true)
    // It is a wish: that the room did not hear it is no fault of the page.
    if (signedIn) await ask(api.PATCH('/v1/me', { body: { language: spoken() } })).catch(() => {})
  }
  return (
    <Button kind="plain" onPress={() => void change()}>
      <span lang={other}>{t('otherLanguage')}</span>
    </Button>
  )
}

export function ThemeSelect() {
  const { t } = useTranslation('shell')
  const theme = useChosenTheme()
  return (
    <Select<Theme>
      label={t('theme.label')}
      value={theme}
      onChange={chooseTheme}
      choices={(['system', 'light', 'dark'] as const).map((id) => ({ id, label: t(`theme.${id}`) }))}
    />
  )
}
