package enclave

import (
	"time"

	"awase/entrustment"
)

// failing names what of a campaign was refused. A new audience that is refused, and is
// tried again later, keeps nobody on who is to be taken off meanwhile.
type failing struct {
	key  campaignKey
	what act
}

// deliveryFailed is why the last delivery of a campaign was refused, and when it is tried
// again by itself: each try is an entry of the record log.
type deliveryFailed struct {
	refusal *entrustment.Error // nil: a fault of ours
	at      time.Time
	wait    time.Duration
}

// tried gives when something is tried again: what needs budget or a ground after ever
// longer waits, for it may lack it for days. People are not kept waiting as long to be
// taken off, and of a fault there is no entry.
func (f *deliveryFailed) tried(what act) time.Time {
	switch {
	case what == actCount, what == actLabels && f.refusal != nil:
		return f.at.Add(f.wait)
	case f.refusal != nil:
		return f.at.Add(firstWait)
	}
	return f.at.Add(retentionLook)
}

const (
	firstWait = 15 * time.Minute
	lastWait  = 6 * time.Hour
)

// noteDelivery remembers how the last delivery of a campaign of a sort ended.
func (e *Enclave) noteDelivery(key campaignKey, what act, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	at := failing{key, what}
	if err == nil {
		delete(e.deliveryFailed, at)
		return
	}
	f := e.deliveryFailed[at]
	if f == nil {
		f = &deliveryFailed{wait: firstWait / 2}
		e.deliveryFailed[at] = f
	}
	f.wait = min(2*f.wait, lastWait)
	f.at = e.vault.Log().Now()
	f.refusal, _ = asRefusal(err)
}

// retryAt gives until when what was refused is not tried again by itself; zero: it is. The
// room's lock is held.
func (e *Enclave) retryAt(key campaignKey, what act) time.Time {
	if f := e.deliveryFailed[failing{key, what}]; f != nil && e.vault.Log().Now().Before(f.tried(what)) {
		return f.tried(what)
	}
	return time.Time{}
}

// refusalOf gives why nothing new is made of a campaign, nil: it is. The room's lock is
// held.
func (e *Enclave) refusalOf(key campaignKey) *entrustment.Error {
	for what := actCount; what <= actBlank; what++ {
		if f := e.deliveryFailed[failing{key, what}]; f != nil && f.refusal != nil {
			return f.refusal
		}
	}
	return nil
}
