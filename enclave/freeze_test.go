package enclave

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"awase/crypto/approval"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// eight are questions that each draw a table of their own.
func eight() (out []*entrustment.Question) {
	for _, sigma := range []int{5, 10, 20, 50} {
		for _, report := range []string{entrustment.ReportProfile, entrustment.ReportOverlap} {
			out = append(out, question(func(q *entrustment.Question) {
				q.Sigma, q.Report = sigma, report
				if report == entrustment.ReportOverlap {
					q.Dims = nil
				}
			}))
		}
	}
	return out
}

// freezesNow stops releases while something goes on that ends afterwards alone: a freeze
// that waits for it never comes.
func freezesNow(t *testing.T, e *Enclave) (wire.Freeze, error) {
	t.Helper()
	type answer struct {
		f   wire.Freeze
		err error
	}
	frozen := make(chan answer, 1)
	go func() {
		f, err := e.Freeze(t.Context(), wire.FreezeRequest{})
		frozen <- answer{f, err}
	}()
	select {
	case a := <-frozen:
		return a.f, a.err
	case <-time.After(30 * time.Second):
		return wire.Freeze{}, errors.New("the freeze waits")
	}
}

// TestFreezeWhileEightRun: eight questions are charged and being counted when an
// officer stops releases. That does not wait for their counts; none of the eight comes
// out, nor anything that came out before, also after a restart; and after the
// lifting each comes out, of the numbers drawn then and uncharged. Without the
// control they come out while everybody thinks that they are stopped.
func TestFreezeWhileEightRun(t *testing.T) {
	t.Parallel()
	for _, stopped := range []bool{true, false} {
		t.Run(fmt.Sprint(stopped), func(t *testing.T) {
			counting, letOn := make(chan struct{}, 20), make(chan struct{})
			dir := filepath.Join(t.TempDir(), "V")
			pausing := true
			o := Options{counts: func(e matcher.Engine) matcher.Engine {
				if pausing {
					return paused{e, counting, letOn}
				}
				return e
			}}
			e, err := Open(t.Context(), dir, o)
			if err != nil {
				t.Fatal(err)
			}
			fill(t, e, "")
			if !stopped {
				e.stopped = func() error { return nil }
			}
			var all sync.WaitGroup
			came := make(chan error, 8)
			for _, q := range eight() {
				all.Go(func() {
					_, err := e.Report(t.Context(), q)
					came <- err
				})
			}
			<-counting
			for count(e, kindCharge) < 8 {
				time.Sleep(time.Millisecond)
			}
			f, err := freezesNow(t, e)
			if err != nil || !f.Frozen {
				t.Fatalf("%+v, %v", f, err)
			}
			close(letOn)
			all.Wait()
			close(came)
			for err := range came {
				if stopped {
					wantCode(t, "a question that ran", err, entrustment.CodeFrozen)
				} else if err != nil {
					t.Error(err)
				}
			}
			if n := count(e, kindReport); n != 0 == stopped {
				t.Errorf("%d releases were issued while frozen", n)
			}
			if !stopped {
				if err := e.Close(); err != nil {
					t.Error(err)
				}
				return
			}
			charges, tables := count(e, kindCharge), count(e, kindTable)
			if charges != 8 || tables != 8 {
				t.Errorf("%d charges, %d tables", charges, tables)
			}
			// No end of the process lifts it.
			pausing = false
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			if e, err = Open(t.Context(), dir, o); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { e.Close() })
			for _, q := range eight() {
				_, err := e.Report(t.Context(), q)
				wantCode(t, "after a restart", err, entrustment.CodeFrozen)
			}
			_, err = e.Reserve(t.Context(), wire.ReserveRequest{Name: "r", Question: question(), Until: entrustment.Date{Year: 2036, Month: 1, Day: 1}})
			wantCode(t, "a reservation", err, entrustment.CodeFrozen)
			if p, err := e.Price(t.Context(), question(), 0); err != nil || p.Stopped == nil || p.Stopped.Detail != entrustment.Public(e.frozen()).Detail {
				t.Errorf("a price shows nothing, and is refused, or does not say that releases are stopped: %+v, %v", p.Stopped, err)
			}
			if ack, err := e.Lift(t.Context()); err != nil || ack.Waits != nil {
				t.Fatalf("lifting in a dev vault: %+v, %v", ack, err)
			}
			if p, err := e.Price(t.Context(), question(), 0); err != nil || p.Stopped != nil {
				t.Errorf("lifted, and a price says %+v, %v", p.Stopped, err)
			}
			for _, q := range eight() {
				first, err := e.Report(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				again, err := e.Report(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				x, _ := json.Marshal(first)
				y, _ := json.Marshal(again)
				if string(x) != string(y) {
					t.Error("asked again: other bytes")
				}
			}
			if c, n := count(e, kindCharge), count(e, kindTable); c != charges || n != tables {
				t.Errorf("after the lifting %d charges and %d tables, before %d and %d", c, n, charges, tables)
			}
			// What came out before is stopped too.
			if _, err := e.Freeze(t.Context(), wire.FreezeRequest{}); err != nil {
				t.Fatal(err)
			}
			_, err = e.Report(t.Context(), question())
			wantCode(t, "what was released before", err, entrustment.CodeFrozen)
		})
	}
}

// freezeBy is a request as awase freeze makes it.
func (r *signedRoom) freezeBy(t *testing.T, key string, change func(*approval.Statement)) wire.FreezeRequest {
	t.Helper()
	f, err := r.Frozen(t.Context())
	if err != nil || f.Statement == nil {
		t.Fatalf("%+v, %v", f, err)
	}
	f.Statement.Nonce, f.Statement.Expires = "0123456789abcdef", utc(r.vault.Log().Now().Add(10*time.Minute))
	if change != nil {
		change(f.Statement)
	}
	message, err := f.Statement.Message()
	if err != nil {
		t.Fatal(err)
	}
	return wire.FreezeRequest{Statement: f.Statement, Key: publicKey(key), Signature: approval.Sign(officerKey(key), message)}
}

// TestFreezeSigned: any officer of any party stops releases, nobody else does, and
// a signature is good for one freeze; two lift it, one of the party that stopped.
func TestFreezeSigned(t *testing.T) {
	r := newSignedRoom(t)
	r.furnish(t)
	ctx := t.Context()
	for what, f := range map[string]wire.FreezeRequest{
		"nobody":           {},
		"a stranger":       r.freezeBy(t, "stranger", nil),
		"another vault":    r.freezeBy(t, "op1", func(s *approval.Statement) { s.Vault = "0123" }),
		"another act":      r.freezeBy(t, "op1", func(s *approval.Statement) { s.Act = kindGate }),
		"another freeze":   r.freezeBy(t, "op1", func(s *approval.Statement) { s.Version++ }),
		"long ago":         r.freezeBy(t, "op1", func(s *approval.Statement) { s.Expires = utc(time.Now().Add(-time.Second)) }),
		"for ever":         r.freezeBy(t, "op1", func(s *approval.Statement) { s.Expires = utc(time.Now().Add(48 * time.Hour)) }),
		"with another key": func() wire.FreezeRequest { f := r.freezeBy(t, "stranger", nil); f.Key = publicKey("op1"); return f }(),
	} {
		_, err := r.Freeze(ctx, f)
		wantCode(t, what, err, entrustment.CodeForbidden)
	}
	first := r.freezeBy(t, "ac2", nil)
	f, err := r.Freeze(ctx, first)
	if err != nil || !f.Frozen || f.Party != "acme" || f.Officer != "b" {
		t.Fatalf("%+v, %v", f, err)
	}
	if f, err := r.Freeze(ctx, first); err != nil || f.Party != "acme" || len(f.Stops) != 1 {
		t.Errorf("frozen again: %+v, %v", f, err)
	}
	// One officer, or two of the operator, do not lift what acme stopped.
	d := r.waitsFor(t)(r.Lift(ctx))
	if !slices.Equal(d.Parties, []string{"acme", "operator"}) {
		t.Errorf("%v lift it", d.Parties)
	}
	for _, key := range []string{"op1", "op2"} {
		if out, err := r.approve(t, d, key); err != nil || out.Effective {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	r.reopen(t)
	if f, err := r.Frozen(ctx); err != nil || !f.Frozen {
		t.Fatalf("half lifted: %+v, %v", f, err)
	}
	if out, err := r.approve(t, d, "ac1"); err != nil || !out.Effective {
		t.Fatalf("lifted by both: %+v, %v", out, err)
	}
	if f, err := r.Frozen(ctx); err != nil || f.Frozen {
		t.Errorf("lifted: %+v, %v", f, err)
	}
	_, err = r.Freeze(ctx, first)
	wantCode(t, "the signature of the freeze before", err, entrustment.CodeForbidden)
	_, err = r.Lift(ctx)
	wantCode(t, "nothing to lift", err, entrustment.CodeNotFound)
	// The approvals of one lifting lift no other freeze.
	if _, err := r.Freeze(ctx, r.freezeBy(t, "op1", nil)); err != nil {
		t.Fatal(err)
	}
	_, err = r.approve(t, d, "op1")
	wantCode(t, "the lifting before", err, entrustment.CodeForbidden)
	r.must(t, r.waitsFor(t)(r.Lift(ctx)), "op2", "op1")
}

// TestFreezeDoesNotWait: a base that is being loaded does not hold a freeze up.
func TestFreezeDoesNotWait(t *testing.T) {
	e := openCrowd(t)
	sender := newSlow(sealedBase(t, e, 1700))
	done := make(chan error, 1)
	schema := parse(t, entrustment.ParseBaseSchema, oracleBase)
	go func() { _, err := e.LoadBase(t.Context(), schema, sender); done <- err }()
	<-sender.half
	if _, err := freezesNow(t, e); err != nil {
		t.Error(err)
	}
	close(sender.letOn)
	if err := <-done; err != nil { // what comes in is taken
		t.Error(err)
	}
}

// TestAcceptClockSigned: time gives budgets back, so officers sign for a jump of
// the clock; a crash between their record and the clock's loses nothing.
func TestAcceptClockSigned(t *testing.T) {
	for _, crash := range []string{"", "crash", "crash, and another jump"} {
		r := &clockRoom{dir: filepath.Join(t.TempDir(), "V"), wall: morning, since: time.Hour}
		r.reopen(t)
		t.Cleanup(func() { r.Close() })
		r.wall = r.wall.Add(400 * 24 * time.Hour)
		r.reopen(t)
		r.signs = true
		if err := r.running(); entrustment.Public(err).Code != entrustment.CodeClock {
			t.Fatalf("after a jump: %v", err)
		}
		s, err := r.AcceptClock(t.Context())
		if err != nil || s.Waits == nil || s.Accepted != nil {
			t.Fatalf("%+v, %v", s, err)
		}
		if again, err := r.AcceptClock(t.Context()); err != nil || again.Waits == nil || again.Waits.Hash != s.Waits.Hash {
			t.Errorf("asked again: %+v, %v", again, err)
		}
		room := &signedRoom{Enclave: r.Enclave}
		if out, err := room.approve(t, s.Waits, "op1"); err != nil || out.Effective || r.running() == nil {
			t.Fatalf("by one officer: %+v, %v", out, err)
		}
		if crash != "" {
			body := s.Waits.Document
			a := room.approval(t, s.Waits, "op2")
			rec := approvalRecord{Draft: a.Draft, Party: "operator", Officer: "b", Key: a.Key, Signature: a.Signature, Act: &actRecord{kindAccept, body}}
			if _, err := r.append(kindApproval, rec); err != nil {
				t.Fatal(err)
			}
			if crash != "crash" {
				r.wall = r.wall.Add(400 * 24 * time.Hour)
			}
			r.reopen(t)
			if crash != "crash" {
				if err := r.running(); entrustment.Public(err).Code != entrustment.CodeClock {
					t.Errorf("a jump that nobody signed for is believed: %v", err)
				}
				continue
			}
		} else if out, err := room.approve(t, s.Waits, "op2"); err != nil || !out.Effective {
			t.Fatalf("by two: %+v, %v", out, err)
		}
		if err := r.running(); err != nil {
			t.Errorf("%q: the clock that two officers accepted is not: %v", crash, err)
		}
		if s, err := r.AcceptClock(t.Context()); err != nil || s.Accepted != nil || s.Waits != nil {
			t.Errorf("accepted twice: %+v, %v", s, err)
		}
	}
}
