import { useTranslation } from 'react-i18next'
import { Radios, TextField } from '../../../ui/field'
import { number } from '../../../ui/format'
import { useGate } from '../data'
import { sigmasOf } from './budget'
import { usePrice } from './useprice'
import { usualSigma, type Draft } from './question'
import { precisionAt } from './budget'

/** How precise each number is to be, as ±n people; the noise's own measure stands in details. */
export function Precision({ draft: d, onChange }: { draft: Draft; onChange: (d: Draft) => void }) {
  const { t } = useTranslation('reports')
  const gate = useGate()
  const price = usePrice(d)
  const sigmas = sigmasOf(gate.data)
  const terms = price.data && price.data.terms < 64 ? price.data.terms : 1
  // A cube's answer comes with the cube's own noise, until a precision is named.
  const fromCube = d.kind === 'size' && d.sigma === 0 && price.data?.tables.some((x) => (x as { name?: string }).name === 'cube')
  const usual = fromCube ? t('precision.cube', { n: number(price.data!.precision) }) : t('precision.n', { n: number(precisionAt({ terms }, usualSigma(d.kind))) })
  const choices = [
    ...(fromCube || d.kind === 'size' || d.kind === 'delivery' || d.kind === 'lift' || d.kind === 'attribution' ? [{ id: '0', label: usual, help: t('precision.usual') }] : []),
    ...sigmas.map((s) => ({ id: String(s), label: t('precision.n', { n: number(precisionAt({ terms }, s)) }), help: t('precision.cost', { times: cost(s, usualSigma(d.kind)) }) })),
  ]
  const value = d.sigma ? String(d.sigma) : choices[0]?.id === '0' ? '0' : String(usualSigma(d.kind))
  return (
    <section className="panel stack-s">
      <Radios label={t('precision.label')} help={t('precision.help')} choices={choices} value={value} onChange={(k) => onChange({ ...d, sigma: Number(k) })} />
      <div className="narrow">
        <TextField label={t('forecast.expect')} help={t('forecast.expectHelp')} inputMode="numeric" value={d.expect} onChange={(expect) => onChange({ ...d, expect })} />
      </div>
    </section>
  )
}

// The price goes with one over the square of the noise.
function cost(sigma: number, usual: number): string {
  const times = (usual * usual) / (sigma * sigma)
  return times >= 1 ? number(times) : new Intl.NumberFormat('en', { maximumSignificantDigits: 2 }).format(times)
}
