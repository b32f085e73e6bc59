package aggregator

import (
	"math"
	"time"
)

// lostTime is a time of which nobody knows what was charged.
type lostTime struct{ from, to time.Time }

// ReplayLost counts the time between from and to as one in which every account,
// those too that nothing was ever charged to, was charged all that it could be.
func (g *Gate) ReplayLost(from, to time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ledger.lost = append(g.ledger.lost, lostTime{from, to})
}

// most is what an account may have spent, within a window that ends now, in the
// lost times. Whatever the gate's parameters were then, in any 30 days it was at
// most the hard limit of 30 days, so in a time of n days at most ⌊n/30⌋ + 1 times
// that; and the hard limit of a year, in a year. The last of it may have been
// spent at the very end.
func (l *ledger) most(a Account, now time.Time, window time.Duration) (rhoNano, deltaE15 int64) {
	one, year := int64(maxRho30Nano), int64(maxRho365Nano)
	if a.Recipient == Everybody {
		one, year = globalStopNano, math.MaxInt64
	}
	for _, t := range l.lost {
		from := now.Add(-window)
		if !t.to.After(from) {
			continue
		}
		if t.from.After(from) {
			from = t.from
		}
		times := int64(t.to.Sub(from)/window30) + 1
		if window == window30 {
			times = 1
		}
		rhoNano = addSaturated(rhoNano, min(times*one, year))
		deltaE15 = addSaturated(deltaE15, times*maxDelta30E15)
	}
	return rhoNano, deltaE15
}
