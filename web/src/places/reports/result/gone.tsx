import { ButtonLink } from '../../../ui/button'
import { Empty } from '../../../ui/state'
import { PageHead } from '../../../ui/page'
import { useWords } from '../../../report/useWords'

/** What its contract keeps no longer. */
export function Gone() {
  const w = useWords()
  return (
    <>
      <PageHead title={w.t('page.reports')} crumbs={[['/', w.t('page.reports')]]} />
      <Empty title={w.t('gone.title')} action={<ButtonLink to="/">{w.t('gone.list')}</ButtonLink>}>
        <p>{w.t('gone.text')}</p>
      </Empty>
    </>
  )
}
