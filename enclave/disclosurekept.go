package enclave

import (
	"time"

	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/entrustment"
)

// What is disclosed, and who asked for what is not disclosed yet, is kept as long as the
// desk needs to fetch it, and goes with an entry as all that expires does. Who asked for
// a deletion or a stop is out of use until they agree again, and their token is kept for
// as long (suppress.go).

// disclosuresKept is how long: a draft lapses after 7 days, and can be drafted anew.
const disclosuresKept entrustment.Days = 30

const clauseRequests = "§7"

var errDisclosureExpired = &entrustment.Error{Code: entrustment.CodeGone, Clause: clauseRequests, Field: "request", Detail: "disclosures are kept for " + disclosuresKept.String() + ", and this one's time is over",
	Mend: "hand the request in again"}

// keptSince gives when the clock of a request for disclosure began: with the
// disclosure or, while there is none, with the request.
func keptSince(r *requestRecord, d *disclosure) time.Time {
	if d.made != nil {
		return d.at
	}
	return r.at
}

// lastingDisclosures gives what will expire of requests.
func (s *state) lastingDisclosures() (out []lasting) {
	operator := s.operator()
	for i := range s.requests {
		r := &s.requests[i]
		if r.Kind != seal.Disclosure || operator == nil {
			continue
		}
		d := s.disclosureOf(r.Number)
		if d.expired || d.made != nil && d.lost {
			continue
		}
		x := lasting{what: kindRequest, party: operator.ID, segments: []vault.SegmentRef{r.segment()},
			expired: expired{Entry: r.seq, Clause: clauseRequests, Days: disclosuresKept, Since: keptSince(r, d)}}
		if d.made != nil {
			x.what, x.Entry, x.segments = kindDisclosure, d.seq, []vault.SegmentRef{d.made.Segment}
		}
		x.lasts(entrustment.Date{}, false)
		out = append(out, x)
	}
	return out
}

// dropDisclosure forgets a disclosure, or who asked for one, by its entry. Its hash
// stays in the log, and in the receipt.
func (s *state) dropDisclosure(seq int64) {
	for i := range s.requests {
		r := &s.requests[i]
		if r.Kind != seal.Disclosure {
			continue
		}
		if d := s.disclosureOf(r.Number); d.made == nil && r.seq == seq || d.made != nil && d.seq == seq {
			d.expired = true
		}
	}
}
