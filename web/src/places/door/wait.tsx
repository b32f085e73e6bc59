import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { span } from '../../ui/format'

/** A wait that the room asks for: until is when it is over, 0: there is none. */
export function useWait() {
  const [until, setUntil] = useState(0)
  return { until, begin: (seconds: number) => setUntil(Date.now() + seconds * 1000), over: () => setUntil(0) }
}

/** How much of a wait is left, second by second; readers that speak are told once, by
 * the message beside it. */
export function Left({ until, onOver }: { until: number; onOver: () => void }) {
  const { t } = useTranslation('door')
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => (Date.now() >= until ? onOver() : setNow(Date.now())), 500)
    return () => clearInterval(timer)
  }, [until, onOver])
  return (
    <span className="quiet num" aria-hidden="true">
      {t('wait.left', { span: span(Math.max(0, Math.ceil((until - now) / 1000))) })}
    </span>
  )
}
