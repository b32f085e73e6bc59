import { useMemo } from 'react'
import { encode } from 'uqr'

/** The path of a QR code's dark modules, one unit each, and how many a side has. */
export function modules(text: string): { d: string; size: number } {
  const { data, size } = encode(text, { ecc: 'M', border: 4 })
  const d = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : []))).join('')
  return { d, size }
}

/** A QR code: dark on white in either theme, as cameras want it. */
export function QR({ text, label }: { text: string; label: string }) {
  const { d, size } = useMemo(() => modules(text), [text])
  return (
    <svg className="qr" viewBox={`0 0 ${size} ${size}`} shapeRendering="crispEdges" role="img" aria-label={label}>
      <path d={d} />
    </svg>
  )
}
