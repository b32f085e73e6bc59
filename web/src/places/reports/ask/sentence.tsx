import { Fragment, type ReactNode } from 'react'

/** A sentence with fields in it: {name} stands for the slot of that name. */
export function Sentence({ text, slots }: { text: string; slots: Record<string, ReactNode> }) {
  return (
    <div className="sentence">
      {text.split(/(\{\w+\})/).filter(Boolean).map((part, i) => {
        const name = /^\{(\w+)\}$/.exec(part)?.[1]
        return <Fragment key={i}>{name ? <span className="slot">{slots[name]}</span> : <span>{part}</span>}</Fragment>
      })}
    </div>
  )
}
