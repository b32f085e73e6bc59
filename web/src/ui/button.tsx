import type { ReactNode } from 'react'
import { Button as AriaButton, type ButtonProps } from 'react-aria-components/Button'
import { Link as WouterLink } from 'wouter'

type Kind = 'primary' | 'normal' | 'danger' | 'plain'

/** A button: one primary a screen. */
export function Button({ kind = 'normal', ...props }: ButtonProps & { kind?: Kind }) {
  return <AriaButton {...props} data-kind={kind} />
}

/** A link that looks like a button: it leads somewhere in the page. */
export function ButtonLink({ kind = 'normal', to, children }: { kind?: Kind; to: string; children: ReactNode }) {
  return (
    <WouterLink href={to} className="button" data-kind={kind}>
      {children}
    </WouterLink>
  )
}

export { WouterLink as Link }
