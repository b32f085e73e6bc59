import { useTranslation } from 'react-i18next'
import { PageHead } from '../../ui/page'
import { Table } from '../../ui/table'

const terms = ['list', 'withheld', 'interval', 'budget', 'receipt', 'release', 'entrustment', 'room'] as const
const goes = ['h', 'e', 'l', 'r', 'n'] as const

export default function Help() {
  const { t } = useTranslation('help')
  const keys = [['/', t('search')], ...goes.map((k) => [`g ${k}`, t(`go.${k}`)]), ['?', t('this')]] as [string, string][]
  const words = terms.map((k) => t(`glossary.${k}`, { returnObjects: true }) as unknown as [string, string])
  return (
    <>
      <PageHead title={t('title')} lead={t('lead')} />
      <section>
        <h2>{t('words')}</h2>
        <Table
          label={t('words')}
          rows={words}
          id={(r) => r[0]}
          columns={[
            { id: 'term', head: t('term'), header: true, cell: (r) => r[0] },
            { id: 'means', head: t('means'), cell: (r) => r[1] },
          ]}
        />
      </section>
      <section>
        <h2>{t('keys')}</h2>
        <Table
          label={t('keys')}
          rows={keys}
          id={(r) => r[0]}
          columns={[
            { id: 'key', head: t('key'), header: true, cell: (r) => <kbd className="mono">{r[0]}</kbd> },
            { id: 'does', head: t('does'), cell: (r) => r[1] },
          ]}
        />
      </section>
      <p>
        <a href="/docs">{t('api')}</a>
      </p>
    </>
  )
}
