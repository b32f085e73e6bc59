package enclave

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"awase/aggregator"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// A question passes these points; a test has something happen at one of them.
const (
	asked0   = "before it is charged"
	counting = "while it is counted"
	storing  = "before its table is stored"
)

// meanwhile is a room in which an act comes in at one point of a question.
type meanwhile struct {
	*workRoom
	at    string
	once  sync.Once
	act   func() error
	acted error
	ahead atomic.Int64 // of the clock
}

func (m *meanwhile) point(at string) {
	if at == m.at {
		m.once.Do(func() { m.acted = m.act() })
	}
}

// actsWhileCounting and actsBeforeStore come in at the points of the gate.
type actsWhileCounting struct {
	matcher.Engine
	m *meanwhile
}

func (a actsWhileCounting) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	a.m.point(counting)
	return a.Engine.Cells(ctx, q)
}

type actsBeforeStore struct {
	aggregator.Book
	m *meanwhile
}

func (a actsBeforeStore) Store(ctx context.Context, t *aggregator.Table) (time.Time, error) {
	a.m.point(storing)
	return a.Book.Store(ctx, t)
}

// terms gives the contract changed; until not changed it ends the day after
// tomorrow.
func (m *meanwhile) terms(change ...func(*entrustment.Contract)) *entrustment.Contract {
	c := parse(m.t, entrustment.ParseContract, oracleContract)
	c.Until = entrustment.DateOf(time.Now()).Add(2)
	for _, f := range change {
		f(c)
	}
	return c
}

func (m *meanwhile) amend(change ...func(*entrustment.Contract)) error {
	_, err := m.Entrust(context.Background(), m.terms(change...))
	return err
}

func newMeanwhile(t *testing.T, at string) *meanwhile {
	t.Helper()
	m := &meanwhile{at: at}
	m.workRoom = newWorkRoom(t, Options{
		Now:    func() time.Time { return time.Now().Add(time.Duration(m.ahead.Load())) },
		counts: func(e matcher.Engine) matcher.Engine { return actsWhileCounting{e, m} },
		book:   func(b aggregator.Book) aggregator.Book { return actsBeforeStore{b, m} },
	})
	detach := m.work.detach
	m.work.detach = func(ctx context.Context, run func(context.Context)) error {
		m.point(asked0)
		return detach(ctx, run)
	}
	if _, err := m.AddParty(t.Context(), helper()); err != nil {
		t.Fatal(err)
	}
	if err := m.amend(); err != nil { // version 2, since the room was furnished with one
		t.Fatal(err)
	}
	m.put("file", sealedList(t, m.Enclave, 1500))
	if s := outcome(t, m.Enclave, listJob("l")); s.Status != wire.WorkDone {
		t.Fatalf("%+v", s)
	}
	return m
}

// ask asks for a report, directly or as a job, as somebody of a party.
func (m *meanwhile) ask(job bool, id, party string) (*wire.Release, error) {
	if !job {
		return given(m.report(m.t.Context(), &demand{question: question(), party: party}))
	}
	req := reportJob(id, question())
	req.Party = party
	s := outcome(m.t, m.Enclave, req)
	if s.Refusal != nil {
		return nil, s.Refusal
	}
	return s.Release, nil
}

func withoutGender(c *entrustment.Contract) { c.Attributes = nil }
func fewerRows(c *entrustment.Contract)     { c.MaxListRows = 5000 }
func endsTomorrow(c *entrustment.Contract)  { c.Until = entrustment.DateOf(time.Now()).Add(1) }
func endsNextYear(c *entrustment.Contract)  { c.Until = entrustment.DateOf(time.Now()).Add(365) }

// helper is a party that sub-trustees of tests are; helped names it, and its last day.
func helper() *entrustment.Party {
	return &entrustment.Party{Schema: entrustment.SchemaParty, ID: "helper", Class: entrustment.ClassTrustee, Group: "helper", Country: "JP"}
}

func helped(days int) func(*entrustment.Contract) {
	return func(c *entrustment.Contract) {
		c.SubTrustees = []entrustment.SubTrustee{{Party: "helper", Work: []entrustment.Work{entrustment.WorkAsk}, Consent: "sha256:0", Until: entrustment.DateOf(time.Now()).Add(days)}}
	}
}

func basisEnds(c *entrustment.Contract) { c.Basis[1].Until = entrustment.DateOf(time.Now()).Add(1) }

// TestAmendedMeanwhile: a question is charged as what may be asked when it is
// charged, whatever was decided before. From there on an amendment changes nothing
// of it, and its release names the version that it was charged under; but once the
// entrustment, or a basis that it was decided on, is over, nothing is released. The
// charge stands then: nothing is spent twice for it, nor released unspent. Likewise of a
// sub-trustee that was taken out, or whose days are over: it asks nothing from then on,
// and what was charged before is released to its reader. The twins charge what was
// decided before, and release whatever was charged.
func TestAmendedMeanwhile(t *testing.T) {
	t.Parallel()
	later := func(days int, more ...func(*entrustment.Contract)) func(*meanwhile) error {
		return func(m *meanwhile) error {
			m.ahead.Store(int64(days) * int64(24*time.Hour))
			if more == nil {
				return nil
			}
			return m.amend(more...)
		}
	}
	amend := func(change ...func(*entrustment.Contract)) func(*meanwhile) error {
		return func(m *meanwhile) error { return m.amend(change...) }
	}
	before := func(first func(*entrustment.Contract), then func(*meanwhile) error) func(*meanwhile) error {
		return func(m *meanwhile) error {
			if err := m.amend(first); err != nil { // version 3
				return err
			}
			return then(m)
		}
	}
	withdrawn := func(m *meanwhile) error {
		_, err := m.SetPolicies(context.Background(), parse(m.t, entrustment.ParsePolicies, "schema: awase.policies/v1\npolicies: [{version: v2, date: 2024-01-29, clauses: {}}]\n"))
		return err
	}
	end := func(m *meanwhile) error {
		_, err := m.EndEntrustment(context.Background(), "e", wire.ByOfficer{})
		return err
	}
	const again, lapsed = "again", "lapsed"
	for _, c := range []struct {
		what    string
		at      string
		act     func(*meanwhile) error
		code    entrustment.Code // of the refusal, "" of a release
		version int              // of the release
		charges int
		control string // what refuses it, or has it be of the version; "" where none has to
		party   string // whose people ask, a sub-trustee until tomorrow; "": nobody's
	}{
		{"the sub-trustee taken out", asked0, amend(fewerRows), entrustment.CodeForbidden, 0, 0, again, "helper"},
		{"the sub-trustee's days over", asked0, later(2), entrustment.CodeForbidden, 0, 0, again, "helper"},
		{"the sub-trustee taken out", counting, amend(fewerRows), "", 3, 1, "", "helper"},
		{"the sub-trustee's days over", storing, later(2), "", 3, 1, "", "helper"},
		{"narrowed", asked0, amend(withoutGender), entrustment.CodeDimForbidden, 0, 0, again, ""},
		{"amended", asked0, amend(fewerRows), "", 3, 1, again, ""},
		{"ended", asked0, end, entrustment.CodeGone, 0, 0, again, ""},
		{"expired", asked0, later(4), entrustment.CodeNoBasis, 0, 0, again, ""},
		{"narrowed", counting, amend(withoutGender), "", 2, 1, "", ""},
		{"narrowed", storing, amend(withoutGender), "", 2, 1, "", ""},
		{"expired", counting, later(4), entrustment.CodeNoBasis, 0, 1, lapsed, ""},
		{"expired", storing, later(4), entrustment.CodeNoBasis, 0, 1, lapsed, ""},
		{"shortened, and expired", counting, before(endsTomorrow, later(2)), entrustment.CodeNoBasis, 0, 1, lapsed, ""},
		{"expired, and prolonged", counting, before(endsTomorrow, later(2, endsNextYear)), "", 2, 1, "", ""},
		{"a basis that ended", storing, nil, entrustment.CodeNoBasis, 0, 1, lapsed, ""},
		{"the policy withdrawn", counting, withdrawn, entrustment.CodeNoBasis, 0, 1, lapsed, ""},
	} {
		for _, job := range []bool{false, true} {
			for _, without := range []string{"", again, lapsed} {
				if without != "" && (without != c.control || job) {
					continue
				}
				t.Run(fmt.Sprintf("%s %s, job %v, without %q", c.what, c.at, job, without), func(t *testing.T) {
					t.Parallel()
					m := newMeanwhile(t, c.at)
					version := c.version
					if m.act = func() error { return c.act(m) }; c.act == nil {
						m.act = func() error { return later(2)(m) }
						if err := m.amend(basisEnds); err != nil {
							t.Fatal(err)
						}
					}
					decided := 2
					if c.party != "" {
						decided = 3
						if err := m.amend(helped(1)); err != nil { // version 3
							t.Fatal(err)
						}
					}
					switch without {
					case again:
						act := m.act
						m.act = func() error {
							m.mu.Lock()
							first, _, err := m.decideReport(&demand{question: question(), party: c.party})
							m.mu.Unlock()
							m.again = func(*demand) (*asked, *issued, error) { return first, nil, err }
							return act()
						}
						m.lapsed = func(*asked) error { return nil }
					case lapsed:
						m.lapsed = func(*asked) error { return nil }
					}
					r, err := m.ask(job, "first", c.party)
					if m.acted != nil {
						t.Fatal(m.acted)
					}
					m.once.Do(func() { t.Fatal("nothing came in meanwhile") })
					charges, releases := count(m.Enclave, kindCharge), count(m.Enclave, kindReport)
					if without != "" {
						// Charged, or released, after what forbids it stands in the log. Of what is ended
						// nothing is left to release.
						if charges != 1 || c.what != "ended" && (err != nil || without == again && r.Version != decided) {
							t.Errorf("without the control: %v, %d charges", err, charges)
						}
						return
					}
					if charges != c.charges || (err == nil) != (c.code == "") || (releases == 1) != (c.code == "") {
						t.Fatalf("%v, %d charges, %d releases", err, charges, releases)
					}
					if c.code != "" {
						wantCode(t, c.what, err, c.code)
					} else if r.Version != version {
						t.Errorf("released under version %d", r.Version)
					}
					if c.code == entrustment.CodeNoBasis && c.what != "the policy withdrawn" {
						// Agreed on anew, it is released for what was spent.
						if err := m.amend(endsNextYear); err != nil {
							t.Fatal(err)
						}
						r, err := m.ask(job, "second", "")
						if c.charges == 0 && entrustment.Public(err).Code == entrustment.CodeGone {
							return // what was asked of expired with the contract, and nothing was spent
						}
						if err != nil || r.Version != m.state.contracts["e"].Version || count(m.Enclave, kindCharge) != 1 {
							t.Errorf("agreed on anew: %v, %d charges", err, count(m.Enclave, kindCharge))
						}
					}
				})
			}
		}
	}
}
