import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../../api/client'
import { Banner, Load } from '../../ui/state'

/** What an ended contract leaves: the signed certificate that its data was destroyed. */
export function Certificate({ id, state }: { id: string; state: string }) {
  const { t } = useTranslation('entrustments')
  const read = useQuery({ queryKey: ['certificate', id], queryFn: () => ask(api.GET('/v1/entrustments/{entrustment}/certificate', { params: { path: { entrustment: id } } })) })
  return (
    <Load of={read}>
      {() => (
        <Banner kind={state === 'destroyed' ? 'good' : 'warn'} title={t(`certificate.${state === 'destroyed' ? 'done' : 'waits'}`)}>
          <p>{t(state === 'destroyed' ? 'certificate.text' : 'certificate.waitsText')}</p>
          <div>
            <a className="button" href={`/v1/entrustments/${id}/certificate`} download={`${id}-certificate.json`}>
              {t('certificate.get')}
            </a>
          </div>
        </Banner>
      )}
    </Load>
  )
}
