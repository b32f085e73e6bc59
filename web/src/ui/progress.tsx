import { Label } from 'react-aria-components/Label'
import { ProgressBar } from 'react-aria-components/ProgressBar'

/** How far something is: share from 0 to 1; text says it in words. */
export function Progress({ label, share, text }: { label: string; share: number; text?: string }) {
  return (
    <ProgressBar value={share * 100} valueLabel={text}>
      {({ percentage, valueText }) => (
        <div className="stack-s">
          <div className="row between">
            <Label>{label}</Label>
            <span className="num">{valueText}</span>
          </div>
          <div className="track">
            <div className="fill" style={{ width: `${percentage ?? 0}%` }} />
          </div>
        </div>
      )}
    </ProgressBar>
  )
}
