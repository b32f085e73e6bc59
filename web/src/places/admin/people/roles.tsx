import { useTranslation } from 'react-i18next'
import { CheckboxGroup } from 'react-aria-components/CheckboxGroup'
import { Label } from 'react-aria-components/Label'
import { Text } from 'react-aria-components/Text'
import type { Role } from '../../../api/me'
import { Checkbox } from '../../../ui/field'

export const roles: Role[] = ['admin', 'privacy', 'adops', 'marketing', 'viewer', 'auditor']

/** Which roles somebody has, each with what it is for. */
export function RolesField({ value, onChange, operator, error }: { value: Role[]; onChange: (roles: Role[]) => void; operator: boolean; error?: string }) {
  const { t } = useTranslation(['admin', 'shell'])
  return (
    <CheckboxGroup className="field" value={value} onChange={(v) => onChange(roles.filter((r) => v.includes(r)))} isInvalid={!!error} validationBehavior="aria">
      <Label>{t('people.roles')}</Label>
      <Text slot="description" className="help">
        {t('people.rolesHelp')}
      </Text>
      <div>
        {roles.map((r) => (
          <Checkbox key={r} value={r}>
            {t(`shell:role.${r}`)}
            <span className="small quiet help-line">{t(r === 'admin' && operator ? 'roleHelp.adminOperator' : `roleHelp.${r}`)}</span>
          </Checkbox>
        ))}
      </div>
    </CheckboxGroup>
  )
}
