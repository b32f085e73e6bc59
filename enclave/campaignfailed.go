package enclave

import (
	"time"

	"awase/entrustment"
)

// deliveryFailed is why the last delivery of a campaign was refused, and when it is tried
// again by itself: each try is an entry of the record log.
type deliveryFailed struct {
	refusal *entrustment.Error // nil: a fault of ours
	at      time.Time
	wait    time.Duration
}

// tried gives when something is tried again: a count after ever longer waits, for it may
// lack budget for days; people are not kept waiting to be taken off.
func (f *deliveryFailed) tried(what act) time.Time {
	if what == actCount {
		return f.at.Add(f.wait)
	}
	return f.at.Add(retentionLook)
}

const (
	firstWait = 15 * time.Minute
	lastWait  = 6 * time.Hour
)

// noteDelivery remembers how the last delivery of a campaign ended.
func (e *Enclave) noteDelivery(key campaignKey, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil {
		delete(e.deliveryFailed, key)
		return
	}
	f := e.deliveryFailed[key]
	if f == nil {
		f = &deliveryFailed{wait: firstWait / 2}
		e.deliveryFailed[key] = f
	}
	f.wait = min(2*f.wait, lastWait)
	f.at = e.vault.Log().Now()
	f.refusal, _ = asRefusal(err)
}
