package enclave

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
)

// TestReadableAfterTheLastDay: after a contract's last day nothing new is asked, and
// what was released is readable until its retention takes it, by who asks again and by
// who polls the job that brought it: the same bytes, and no entry of the log. A
// sub-trustee, whose days are over with the contract's, is refused.
func TestReadableAfterTheLastDay(t *testing.T) {
	t.Parallel()
	m := newMeanwhile(t, "")
	if err := m.amend(helped(1), func(c *entrustment.Contract) { c.Retention.Reports = 10 }); err != nil {
		t.Fatal(err)
	}
	first, err := m.ask(true, "first", "acme")
	if err != nil {
		t.Fatal(err)
	}
	text := func(r *wire.Release) []byte {
		of := *r
		of.Receipt = nil // its checkpoint grows with the log
		raw, err := json.Marshal(of)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	m.ahead.Store(int64(4 * 24 * time.Hour))
	before := count(m.Enclave, kindCharge)
	for _, party := range []string{"", "acme", "operator"} {
		r, err := m.ask(false, "", party)
		if err != nil || !bytes.Equal(text(r), text(first)) {
			t.Errorf("%q asks again: %v", party, err)
		}
	}
	polled, err := m.PollWork(t.Context(), "first", 0)
	if err != nil || polled.Status != wire.WorkDone || !bytes.Equal(text(polled.Release), text(first)) {
		t.Errorf("the job: %+v, %v", polled, err)
	}
	for _, party := range []string{"helper", "stranger"} {
		_, err := m.ask(false, "", party)
		wantCode(t, party, err, entrustment.CodeNoBasis)
	}
	_, err = m.Report(t.Context(), question(func(q *entrustment.Question) { q.Dims = nil }))
	wantCode(t, "another question", err, entrustment.CodeNoBasis)
	if count(m.Enclave, kindCharge) != before || count(m.Enclave, kindReport) != 1 {
		t.Error("something was charged or released")
	}
	m.ahead.Store(int64(12 * 24 * time.Hour))
	if _, err := m.ask(false, "", "acme"); err == nil {
		t.Error("the report is readable past its retention")
	}
	polled, err = m.PollWork(t.Context(), "first", 0)
	if err == nil && polled.Release != nil {
		t.Error("the job gives it past its retention")
	}
}

// TestSubTrusteesDays: past its days a sub-trustee is refused, by the vault's clock, and
// nothing is charged; a room that looks at another day charges its question.
func TestSubTrusteesDays(t *testing.T) {
	t.Parallel()
	for _, mutant := range []bool{false, true} {
		m := newMeanwhile(t, "")
		if err := m.amend(helped(1)); err != nil {
			t.Fatal(err)
		}
		if mutant {
			today := m.vault.Log().Now()
			m.asker = func(f entrustment.Facts, party string) error {
				f.Now = today
				return entrustment.DecideAsker(f, party)
			}
		}
		m.ahead.Store(int64(2 * 24 * time.Hour)) // of the contract's days the last
		_, err := m.ask(true, "late", "helper")
		if mutant {
			if err != nil || count(m.Enclave, kindCharge) != 1 {
				t.Errorf("the mutant: %v, %d charges", err, count(m.Enclave, kindCharge))
			}
			continue
		}
		wantCode(t, "past its days", err, entrustment.CodeForbidden)
		if count(m.Enclave, kindCharge) != 0 {
			t.Error("it was charged")
		}
	}
}
