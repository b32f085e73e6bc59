// How fast something goes, and how long it still takes.

const window_ = 8_000

/** Speed over the last seconds: what was long ago, or a pause, says nothing of now. */
export class Rate {
  private seen: { at: number; done: number }[] = []

  add(done: number, at: number) {
    const last = this.seen.at(-1)
    if (last && done < last.done) this.seen = [] // it began again
    this.seen.push({ at, done })
    while (this.seen.length > 2 && at - this.seen[0]!.at > window_) this.seen.shift()
  }

  /** Begins anew, after a pause. */
  reset() {
    this.seen = []
  }

  /** So many a second; 0 where it can't be said yet. */
  perSecond(): number {
    const first = this.seen[0]
    const last = this.seen.at(-1)
    if (!first || !last || last.at - first.at < 250) return 0
    return ((last.done - first.done) * 1000) / (last.at - first.at)
  }

  /** Seconds until total is done; undefined where it can't be said. */
  left(total: number): number | undefined {
    const speed = this.perSecond()
    const done = this.seen.at(-1)?.done ?? 0
    return speed > 0 ? Math.max(0, total - done) / speed : undefined
  }
}

/** How long to wait before the nth try again, in ms: 1 s, 2 s, 4 s … 30 s. */
export const backoff = (n: number) => Math.min(30_000, 1000 * 2 ** Math.min(n, 10))
