import { useTranslation } from 'react-i18next'
import { Radios, TextField } from '../../../ui/field'
import { number } from '../../../ui/format'
import { useGate, useReports } from '../data'
import { useMatched, usualRate } from './matched'
import { expected, usePrice } from './useprice'
import { usualSigma, type Draft } from './question'
import { forecastOf, foretold, precisionAt, sigmasOf } from './budget'

/** How precise each number is to be, as ±n people; the noise's own measure stands in details. */
export function Precision({ draft: d, onChange }: { draft: Draft; onChange: (d: Draft) => void }) {
  const { t } = useTranslation('reports')
  const gate = useGate()
  const price = usePrice(d)
  const reports = useReports()
  const matched = useMatched(d)
  const sigmas = sigmasOf(gate.data)
  // A cube's answer comes with the cube's own noise, until a precision is named.
  const fromCube = d.kind === 'size' && d.sigma === 0 && price.data?.tables.some((x) => (x as { name?: string }).name === 'cube')
  // Of a size that names a precision it is one number's own noise, not the cube's.
  const terms = fromCube ? 1 : (price.data?.terms ?? 1)
  const cube = d.kind === 'size' && reports.data?.some((r) => r.kind === 'cube' && r.state === 'kept' && r.entrustment === d.entrustment && r.list === d.list)
  const choices = [
    ...(fromCube || cube ? [{ id: '0', label: fromCube ? t('precision.cube', { n: number(price.data!.precision) }) : t('precision.cubeAgain') }] : []),
    ...sigmas.map((s) => ({ id: String(s), label: t('precision.n', { n: number(precisionAt({ terms }, s)) }), help: s === usualSigma(d.kind) ? t('precision.same') : t('precision.cost', { times: cost(s, usualSigma(d.kind)) }) })),
  ]
  // A campaign names its own, which the price tells.
  const own = (!fromCube && price.data?.sigma) || usualSigma(d.kind)
  const value = d.sigma ? String(d.sigma) : fromCube ? '0' : String(own)
  // What is assumed is asked where it makes a difference.
  const assumes = d.list !== '' && !!matched && !matched.at && expected(d) === 0 && !!price.data && foretold(forecastOf(price.data))
  return (
    <section className="panel stack-s">
      <Radios label={t('precision.label')} help={t('precision.help')} choices={choices} value={value} onChange={(k) => onChange({ ...d, sigma: Number(k) })} />
      <div className="narrow stack-s">
        <TextField label={t('forecast.expect')} help={t('forecast.expectHelp')} inputMode="numeric" value={d.expect} onChange={(expect) => onChange({ ...d, expect })} />
        {assumes && (
          <TextField label={t('forecast.rate')} help={t('forecast.rateHelp', { n: usualRate })} inputMode="numeric" maxLength={5} value={d.rate ?? ''} onChange={(rate) => onChange({ ...d, rate })} />
        )}
      </div>
    </section>
  )
}

// The price goes with one over the square of the noise.
function cost(sigma: number, usual: number): string {
  const times = (usual * usual) / (sigma * sigma)
  return times >= 1 ? number(times) : new Intl.NumberFormat('en', { maximumSignificantDigits: 2 }).format(times)
}
