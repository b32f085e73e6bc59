import { Component, type ReactNode } from 'react'
import { PageHead } from './page'
import { Refused } from './state'

/** What stands in the place of a screen that failed: the menu around it goes on working,
 * and so does the next screen, which is at another address. */
export class Broken extends Component<{ at: string; title: string; children: ReactNode }, { error?: unknown }> {
  override state: { error?: unknown } = {}
  static getDerivedStateFromError(error: unknown) {
    return { error }
  }
  override componentDidUpdate(was: { at: string }) {
    if (was.at !== this.props.at && this.state.error !== undefined) this.setState({ error: undefined })
  }
  override render() {
    if (this.state.error === undefined) return this.props.children
    return (
      <>
        <PageHead title={this.props.title} />
        <Refused error={this.state.error} again={() => this.setState({ error: undefined })} />
      </>
    )
  }
}
