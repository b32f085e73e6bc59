package enclave

import (
	"bytes"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

const day24 = 24 * time.Hour

// agingRoom is a crowd's room whose clock the test moves.
type agingRoom struct {
	*Enclave
	t     *testing.T
	dir   string
	ahead atomic.Int64
	o     Options
}

func newAgingRoom(t *testing.T, o Options) *agingRoom {
	t.Helper()
	r := &agingRoom{t: t, dir: filepath.Join(t.TempDir(), "V"), o: o}
	r.o.Now = func() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }
	r.open()
	t.Cleanup(func() { r.Close() })
	fill(t, r.Enclave, "")
	return r
}

func (r *agingRoom) open() {
	r.t.Helper()
	e, err := Open(r.t.Context(), r.dir, r.o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Enclave = e
}

func (r *agingRoom) reopen() {
	r.t.Helper()
	if err := r.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.open()
}

// at has n days passed since the room was made.
func (r *agingRoom) at(days int) { r.ahead.Store(int64(time.Duration(days)*day24 + time.Hour)) }

// looks does what the room does each minute.
func (r *agingRoom) looks() {
	r.t.Helper()
	if _, err := locked(r.Enclave, func() (struct{}, error) { return struct{}{}, r.look() }); err != nil {
		r.t.Fatal(err)
	}
}

// amend has the contract keep things for other spans.
func (r *agingRoom) amend(retention string) {
	r.t.Helper()
	doc := strings.Replace(oracleContract, "{lists: 90d, reports: 365d}", retention, 1)
	if _, err := r.Entrust(r.t.Context(), parse(r.t, entrustment.ParseContract, doc)); err != nil {
		r.t.Fatal(err)
	}
}

// keeps are the kinds of what is there, soonest to go first.
func (r *agingRoom) keeps() string {
	r.t.Helper()
	all, err := r.Retention(r.t.Context(), "e")
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, x := range all {
		out = append(out, x.What+" "+x.Clause)
	}
	return strings.Join(out, ", ")
}

func (r *agingRoom) want(when, want string) {
	r.t.Helper()
	if got := r.keeps(); got != want {
		r.t.Errorf("%s the room keeps %q, want %q", when, got, want)
	}
}

// TestExpiry: each thing is there until its contract's span is over, and then in no
// memory, segment or catalogue; what is asked of it is refused with the clause and
// costs nothing; what it cost is not given back; a restart changes none of it.
func TestExpiry(t *testing.T) {
	t.Parallel()
	r := newAgingRoom(t, Options{})
	ctx := t.Context()
	r.amend("{lists: 90d, events: 30d, reports: 365d}")
	if _, err := r.LoadEvents(ctx, wire.EventsRequest{Entrustment: "e"}, bytes.NewReader(clientLog(t, r.Enclave))); err != nil {
		t.Fatal(err)
	}
	released, err := r.Report(ctx, question())
	if err != nil {
		t.Fatal(err)
	}
	spent := func() (rho float64) {
		t.Helper()
		l, err := r.Ledger(ctx, wire.LedgerRequest{Group: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		return l.Accounts[0].Windows[1].Spent // of 365 d
	}
	list, paid := r.state.lists[listKey{"e", "l"}].ID, spent()
	if paid == 0 || !r.loaded[list] {
		t.Fatalf("spent %g, in memory %v", paid, r.loaded[list])
	}
	r.want("at first", "events retention.events, list retention.lists, report retention.reports")
	lists, err := r.Lists(ctx, "e")
	logs, lerr := r.EventLogs(ctx, "e")
	if err != nil || lerr != nil || lists[0].ExpiresAt == "" || logs[0].ExpiresAt == "" || lists[0].ExpiresAt <= logs[0].ExpiresAt {
		t.Errorf("lists %+v, logs %+v", lists, logs)
	}
	files := len(segmentFiles(t, r.Enclave))

	r.ahead.Store(int64(30*day24 - time.Minute))
	r.looks()
	r.want("a minute before", "events retention.events, list retention.lists, report retention.reports")
	r.at(30)
	_, err = r.Report(ctx, question(func(q *entrustment.Question) { q.Report, q.Dims = entrustment.ReportBehaviour, nil }))
	if gone := wantCode(t, "behaviour", err, entrustment.CodeGone); gone.Contract.Clause != clauseEvents || !strings.Contains(gone.Detail, "30d since") {
		t.Errorf("%+v", gone)
	}
	r.want("after 30 days", "list retention.lists, report retention.reports")
	if n := len(segmentFiles(t, r.Enclave)); n != files-1 {
		t.Errorf("%d segments, %d before", n, files)
	}

	r.at(90)
	old := sealedChange(t, r.Enclave, "l", seal.Add, crowdRows(1500, 1510))
	for range 2 {
		for what, q := range map[string]*entrustment.Question{
			"a report": question(func(q *entrustment.Question) { q.Sigma = 20 }), "the same report": question(),
			"a size": question(func(q *entrustment.Question) { q.Report, q.Dims = entrustment.ReportSize, nil }),
			"of nobody on it": question(func(q *entrustment.Question) {
				q.List, q.Where = "", &entrustment.Condition{List: "l"}
			}),
		} {
			_, err := r.Report(ctx, q)
			if gone := wantCode(t, what, err, entrustment.CodeGone); gone.Contract.Clause != clauseLists || !strings.Contains(gone.Detail, "90d since") || gone.Contract.Version != 2 {
				t.Errorf("%s: %+v", what, gone)
			}
			_, err = r.Price(ctx, q, 0)
			wantCode(t, "the price of "+what, err, entrustment.CodeGone)
		}
		_, err := r.LoadList(ctx, wire.ListRequest{Entrustment: "e", Name: "l"}, bytes.NewReader(old))
		wantCode(t, "rows added to what is gone", err, entrustment.CodeGone)
		r.want("after 90 days", "report retention.reports")
		if lists, err := r.Lists(ctx, "e"); err != nil || len(lists) != 0 || r.loaded[list] {
			t.Errorf("%+v, %v", lists, err)
		}
		if n := len(segmentFiles(t, r.Enclave)); n != files-3 {
			t.Errorf("%d segments, %d before", n, files)
		}
		if now := spent(); now != paid {
			t.Errorf("%g spent, %g before", now, paid)
		}
		r.reopen()
	}
	if n := count(r.Enclave, kindExpired); n != 2 {
		t.Errorf("%d entries", n)
	}
	told := map[string]int{}
	for _, party := range []string{"acme", "beta"} {
		page, err := r.Log(ctx, wire.LogRequest{Party: party})
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range page.Entries {
			if entry.Kind == kindExpired {
				told[party]++
			}
		}
	}
	if told["acme"] != 2 || told["beta"] != 0 {
		t.Errorf("told of it: %v", told)
	}

	// The same people, uploaded again, are another version of the list, and what was
	// paid for is not paid again.
	if again := loadCrowd(t, r.Enclave, "l", seal.Replace, crowdRows(0, 1500)); again.Ack.Version != 2 {
		t.Errorf("version %d", again.Ack.Version)
	}
	same, err := r.Report(ctx, question())
	if err != nil || same.Cells[0].Users.Value != released.Cells[0].Users.Value || spent() != paid {
		t.Errorf("%+v, %v, spent %g", same, err, spent())
	}
	r.at(366)
	r.looks()
	r.want("after a year", "report retention.reports") // the second
	r.at(90 + 366)
	r.looks()
	r.want("in the end", "")
	if n := len(segmentFiles(t, r.Enclave)); n != 2 { // the base and its particulars
		t.Errorf("%d segments", n)
	}
}

// TestExpiryMutants: a room that does not look before it decides answers from what
// should be gone; one that goes by the machine's clock destroys what officers would
// not have believed.
func TestExpiryMutants(t *testing.T) {
	t.Parallel()
	t.Run("not looked at before a question", func(t *testing.T) {
		t.Parallel()
		for _, mutant := range []bool{false, true} {
			r := newAgingRoom(t, Options{})
			r.at(91)
			if mutant {
				r.Enclave.retention.before = func() error { return nil }
			}
			_, err := r.Report(t.Context(), question())
			if gone := entrustment.Public(err).Code == entrustment.CodeGone; gone == mutant || mutant && err != nil {
				t.Errorf("mutant %v: %v", mutant, err)
			}
		}
	})
	t.Run("by the machine's clock", func(t *testing.T) {
		t.Parallel()
		for _, mutant := range []bool{false, true} {
			r := newSignedRoom(t)
			policies := parse(t, entrustment.ParsePolicies, "schema: awase.policies/v1\npolicies:\n  - {version: v2, date: 2024-01-29, clauses: {\"5\": [5-analysis]}}\n")
			r.must(t, r.waitsFor(t)(r.SetPolicies(t.Context(), policies)), "op1", "op2")
			r.must(t, r.contractDoc(t, nil), "ac1", "op1")
			list := listRecord{Entrustment: "e", Name: "l", Version: 1, Under: 1, Party: "acme", ID: hexID{1}}
			list.Segment.ID, list.RowSegment.ID = strings.Repeat("a", 32), strings.Repeat("b", 32)
			if _, err := locked(r.Enclave, func() (any, error) { return r.append(kindList, list) }); err != nil {
				t.Fatal(err)
			}
			r.ahead = 100 * day24
			r.reopen(t)
			if r.vault.Log().Stopped() == nil {
				t.Fatal("a jump of 100 days was believed")
			}
			r.ahead += 100 * day24 // the vault's time goes on, and waits for officers all the same
			if mutant {
				r.Enclave.retention.clock = func() (time.Time, bool) { return time.Now().Add(r.ahead), false }
			}
			if err := r.look(); err != nil {
				t.Fatal(err)
			}
			if gone := len(r.state.lists) == 0; gone != mutant {
				t.Errorf("mutant %v: gone %v", mutant, gone)
			}
			if mutant {
				continue
			}
			if _, err := r.acceptClock(nil); err != nil {
				t.Fatal(err)
			}
			if err := r.look(); err != nil || len(r.state.lists) != 0 {
				t.Errorf("once the clock was accepted: %d lists, %v", len(r.state.lists), err)
			}
		}
	})
}

// TestRetentionAmended: the version in force decides about what is there; a longer span
// brings nothing back.
func TestRetentionAmended(t *testing.T) {
	t.Parallel()
	r := newAgingRoom(t, Options{})
	r.at(80)
	r.amend("{lists: 120d, reports: 365d}")
	r.at(119)
	r.looks()
	r.want("before the longer span is over", "list retention.lists")
	r.amend("{lists: 10d, reports: 365d}")
	r.looks()
	r.want("after a shorter one", "")
	r.amend("{lists: 3000d, reports: 365d}")
	r.reopen()
	r.want("after a longer one again", "")
	_, err := r.Report(t.Context(), question())
	if gone := wantCode(t, "a question", err, entrustment.CodeGone); !strings.Contains(gone.Detail, "10d since") || gone.Contract.Version != 3 {
		t.Errorf("%+v", gone)
	}
}

// TestExpiryOfParts: rows that are added keep nobody else's longer; the whole in a new
// file begins the clock again, and the same file does not.
func TestExpiryOfParts(t *testing.T) {
	t.Parallel()
	r := newAgingRoom(t, Options{})
	since := func() time.Time { return r.state.whole[listKey{"e", "l"}] }
	first := since()
	r.at(50)
	loadCrowd(t, r.Enclave, "l", seal.Add, crowdRows(1500, 1510))
	loadCrowd(t, r.Enclave, "l", seal.Remove, crowdRows(1500, 1510))
	if !since().Equal(first) {
		t.Errorf("parts began the clock again at %v", since())
	}
	whole := sealedChange(t, r.Enclave, "l", seal.Replace, crowdRows(0, 1500))
	load := func() {
		t.Helper()
		if _, err := r.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, bytes.NewReader(whole)); err != nil {
			t.Fatal(err)
		}
	}
	load()
	second := since()
	if second.Sub(first) < 49*day24 || len(r.state.listed[listKey{"e", "l"}]) != 3 {
		t.Errorf("the whole again: since %v, %d versions", second, len(r.state.listed[listKey{"e", "l"}]))
	}
	r.at(60)
	load()
	if !since().Equal(second) {
		t.Error("a file that was loaded before began the clock again")
	}
	r.reopen()
	if !since().Equal(second) {
		t.Error("a restart changed the clock")
	}
	r.at(139)
	r.looks()
	r.want("89 days after the whole", "list retention.lists")
	r.at(141)
	r.looks()
	r.want("91 days after", "")
	_, err := r.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, bytes.NewReader(whole))
	wantCode(t, "a file that was loaded before", err, entrustment.CodeForbidden)
}

// TestExpiryWhileAsked: a question that was charged is answered from what expired
// meanwhile, and its segments go when it is over; so does what a load builds on.
func TestExpiryWhileAsked(t *testing.T) {
	t.Parallel()
	r := newAgingRoom(t, Options{})
	a, _, err := r.charge(t.Context(), &demand{question: question()})
	if err != nil {
		t.Fatal(err)
	}
	files := len(segmentFiles(t, r.Enclave))
	r.at(91)
	r.looks()
	r.want("meanwhile", "")
	if n := len(segmentFiles(t, r.Enclave)); n != files-1 { // its rows, which no question reads
		t.Errorf("%d segments while a question reads, %d before", n, files)
	}
	if _, err := r.gate.Tables(t.Context(), a.paid); err != nil {
		t.Errorf("the question: %v", err)
	}
	a.release()
	r.looks()
	r.want("afterwards", "")
	if n := len(segmentFiles(t, r.Enclave)); n != files-2 { // the list's is gone, too
		t.Errorf("%d segments, %d before", n, files)
	}
	if len(r.keeping().unlink) != 0 || len(r.inUse) != 0 {
		t.Errorf("left: %v, %d in use", r.keeping().unlink, len(r.inUse))
	}
}

func (r *agingRoom) keeping() *retention { return &r.Enclave.retention }

// TestExpiryOfContract: what was entrusted is not kept beyond the contract's last day,
// whatever its spans; results are.
func TestExpiryOfContract(t *testing.T) {
	t.Parallel()
	r := newAgingRoom(t, Options{})
	if _, err := r.Report(t.Context(), question()); err != nil {
		t.Fatal(err)
	}
	until := entrustment.DateOf(r.vault.Log().Now()).Add(20)
	doc := strings.Replace(oracleContract, "until: 2036-12-31", "until: "+until.String(), 1)
	if _, err := r.Entrust(t.Context(), parse(t, entrustment.ParseContract, doc)); err != nil {
		t.Fatal(err)
	}
	r.want("before", "list until, report retention.reports")
	r.at(19)
	r.looks()
	r.want("on a day of it", "list until, report retention.reports")
	r.at(21)
	r.looks()
	r.want("after its last day", "report retention.reports")
}
