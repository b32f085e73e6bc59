package enclave

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"awase/entrustment"
)

// The end of an entrustment by its own terms. What was entrusted expires with the
// contract's last day at the latest, and the last report that could be released under
// it so long after that day as reports are kept. From then on nothing is kept under
// the contract, and nobody needs its data key: it ends as by an officer's word, with
// an entry, the key destroyed and a certificate. Until then an amendment with a later
// day prolongs it, of one under which nothing was ever loaded too: one rule, that
// people can read off the document.

// runsOutAt gives when a contract ends by its own terms.
func runsOutAt(c *entrustment.Contract) time.Time {
	return c.Until.End().UTC().AddDate(0, 0, int(c.Retention.Reports))
}

// endsByTerms ends what has run out. While somebody is being answered under it, or
// loads something, it waits; so it does where the newest log may be lost, and with it
// a later day that was agreed on: what a key opened nobody brings back. The room's lock
// is held.
func (e *Enclave) endsByTerms(now time.Time) error {
	if e.state.unconfirmed != nil {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(e.state.contracts)) {
		if e.state.ended[id] != nil || now.Before(runsOutAt(e.state.contracts[id].Contract)) || !e.retention.idle(id) || len(e.state.lasting(id)) > 0 {
			continue
		}
		if err := e.end(id, nil, true); err != nil {
			return fmt.Errorf("ending an entrustment by its own terms: %w", err)
		}
		e.retention.ends[id] = true
	}
	return nil
}

// quiet tells whether nobody asks or loads under an entrustment. The room's lock is
// held.
func (e *Enclave) quiet(id string) bool {
	return e.asking[id] == 0 && e.ending[id] == 0 && e.retention.loading[id] == 0
}

// destroyEnded destroys what ended by its own terms; what fails is tried again. The
// room's lock is held.
func (e *Enclave) destroyEnded(ctx context.Context) {
	for _, id := range slices.Sorted(maps.Keys(e.retention.ends)) {
		if err := e.destroy(ctx, e.state.ended[id]); err != nil {
			e.log.Error("destroying an entrustment that ended by its own terms failed; it is tried again", "error", err)
			return
		}
		delete(e.retention.ends, id)
		e.outer.kick()
	}
}
