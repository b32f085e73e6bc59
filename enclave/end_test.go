package enclave

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
	"awase/matcher"
)

// keptKey is a vault key that its operator keeps; a rotation waits for them.
type keptKey struct{ key vault.Key }

func (k keptKey) Key(context.Context, bool) (vault.Key, error)     { return k.key, nil }
func (k keptKey) Next(context.Context) (vault.Key, error)          { return vault.Key{}, vault.ErrNextKey }
func (k keptKey) Replace(context.Context, vault.Key) (bool, error) { return false, nil }

// secondRoom activates another entrustment, "f", with the same list and a list of
// its own.
func secondRoom(t *testing.T, e *Enclave) {
	t.Helper()
	doc := strings.Replace(oracleContract, "id: e\n", "id: f\n", 1)
	if _, err := e.Entrust(t.Context(), parse(t, entrustment.ParseContract, doc)); err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]int{"l": 0, "own": 100} {
		data := crowdRows(from, 1500)
		f, err := intake.OpenList(t.Context(), bytes.NewReader(data), int64(len(data)), parse(t, entrustment.ParseListSchema, oracleList), intake.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.LoadList(t.Context(), wire.ListRequest{Entrustment: "f", Name: name}, sealed(t, e, "f", name, f.Header(), f.Rows())); err != nil {
			t.Fatal(err)
		}
	}
}

// clientLog is a client's event log, sealed under "e".
func clientLog(t *testing.T, e *Enclave) []byte {
	t.Helper()
	h := seal.Header{Purpose: seal.Events, Identifiers: []seal.IdentifierColumn{{Kind: "email"}}, Events: []seal.EventType{{Kind: "impression", Category: "spring"}}}
	raw, err := io.ReadAll(sealed(t, e, "e", seal.EventsName, h, func(yield func([]seal.Row, error) bool) {
		for i := range 5000 {
			if !yield([]seal.Row{{Identifiers: []seal.Identifier{{Hash: sha256.Sum256(fmt.Appendf(nil, "taro.%d@example.jp", i))}}, Event: &seal.Event{Day: 20000}}}, nil) {
				return
			}
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func verified(t *testing.T, e *Enclave, certificate []byte) *receipt.Certificate {
	t.Helper()
	c, err := receipt.VerifyDestruction(certificate, e.vault.Signer().Public())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestDataKeys: each entrustment has a data key of its own, lists, rows, events
// and releases are under it, and the operator's data under the base's.
func TestDataKeys(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	secondRoom(t, e)
	loadCrowdEvents(t, e)
	if _, err := e.LoadEvents(t.Context(), wire.EventsRequest{Entrustment: "e"}, bytes.NewReader(clientLog(t, e))); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Report(t.Context(), question()); err != nil {
		t.Fatal(err)
	}
	if len(e.state.events["e"]) != 1 || len(e.state.events[seal.BaseEntrustment]) != 1 {
		t.Fatalf("%d logs of the client", len(e.state.events["e"]))
	}
	under := func(ref vault.SegmentRef, key string) {
		t.Helper()
		if ref.Key != key {
			t.Errorf("a segment is under %q, want %q", ref.Key, key)
		}
		for _, other := range []string{"entrustment e", "entrustment f", "base"} {
			if _, err := e.vault.ReadSegment(vault.SegmentRef{ID: ref.ID, Key: other}); (err == nil) != (other == key) {
				t.Errorf("a segment under %q read by %q: %v", key, other, err)
			}
		}
	}
	for key, l := range e.state.lists {
		under(l.Segment, "entrustment "+key.entrustment)
		under(l.RowSegment, "entrustment "+key.entrustment)
	}
	for _, r := range e.state.reportTable {
		under(r.Segment, "entrustment e")
	}
	under(e.state.base.Segment, "base")
	for id, logs := range e.state.events {
		for _, l := range logs {
			key := "base"
			if id != seal.BaseEntrustment {
				key = "entrustment " + id
			}
			under(l.Segment, key)
		}
	}
}

// TestEnd: whatever is asked under an entrustment that ended is refused with
// E_GONE, also after a restart; its segments and its key are gone, what it spent
// stays, what it had reserved comes back, and another entrustment with the same
// list is served as before.
func TestEnd(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	secondRoom(t, e)
	ctx := t.Context()
	before, err := e.Report(ctx, question(func(q *entrustment.Question) { q.Entrustment = "f" }))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Report(ctx, question(func(q *entrustment.Question) { q.Index = true })); err != nil {
		t.Fatal(err)
	}
	day := entrustment.DateOf(time.Now()).Add(20)
	if _, err := e.Reserve(ctx, wire.ReserveRequest{Name: "r", Until: day, Question: question(func(q *entrustment.Question) { q.Sigma = 20 })}); err != nil {
		t.Fatal(err)
	}
	newer, log := sealedList(t, e, 1600), clientLog(t, e)
	if _, err := e.LoadEvents(ctx, wire.EventsRequest{Entrustment: "e"}, bytes.NewReader(log)); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Certificate(ctx, "e"); entrustment.Public(err).Code != entrustment.CodeNotFound {
		t.Errorf("the certificate of what goes on: %v", err)
	}
	budget := func() (spent, held float64) {
		t.Helper()
		l, err := e.Ledger(ctx, wire.LedgerRequest{Group: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		return l.Accounts[0].Windows[0].Spent, l.Accounts[0].Windows[0].Held
	}
	spent, held := budget()
	if spent == 0 || held == 0 {
		t.Fatalf("spent %g, held %g", spent, held)
	}
	files := len(segmentFiles(t, e))
	raw, err := e.EndEntrustment(ctx, "e", wire.ByOfficer{})
	if err != nil {
		t.Fatal(err)
	}
	c := verified(t, e, raw)
	if c.Status != receipt.KeyDestroyed || c.Entrustment != "e" || c.Version != 1 || c.Segments != 4 || c.Backups != "" || !c.Dev {
		t.Errorf("%+v", c.Destruction)
	}
	if n := len(segmentFiles(t, e)); n != files-4 {
		t.Errorf("%d segments, %d before", n, files)
	}
	check := func(when string) {
		t.Helper()
		gone := func(what string, err error) {
			t.Helper()
			wantCode(t, when+": "+what, err, entrustment.CodeGone)
		}
		_, err := e.Report(ctx, question())
		gone("a report that was released", err)
		_, err = e.Report(ctx, question(func(q *entrustment.Question) { q.Sigma = 50 }))
		gone("a report", err)
		_, err = e.Price(ctx, question(), 0)
		gone("a price", err)
		_, err = e.Terms(ctx, "e")
		gone("terms", err)
		_, err = e.LoadList(ctx, wire.ListRequest{Entrustment: "e", Name: "l"}, bytes.NewReader(newer))
		gone("a list", err)
		_, err = e.LoadEvents(ctx, wire.EventsRequest{Entrustment: "e"}, bytes.NewReader(log))
		gone("events", err)
		_, err = e.Reserve(ctx, wire.ReserveRequest{Name: "s", Until: day, Question: question()})
		gone("a reservation", err)
		_, err = e.Entrust(ctx, parse(t, entrustment.ParseContract, oracleContract))
		gone("its contract again", err)
		_, err = e.ReportReserved(ctx, "e/r")
		wantCode(t, when+": what was reserved", err, entrustment.CodeNotFound)
		if err := e.vault.DestroyDataKey("entrustment e"); err != nil {
			t.Fatal(err)
		}
		if _, err := e.vault.NewSegment("entrustment e"); err == nil {
			t.Errorf("%s: its data key is there", when)
		}
		if ids, err := e.Entrustments(ctx); err != nil || len(ids) != 1 || ids[0] != "f" {
			t.Errorf("%s: entrustments %v, %v", when, ids, err)
		}
		if s, h := budget(); s != spent || h != 0 {
			t.Errorf("%s: spent %g, held %g; before %g and %g", when, s, h, spent, held)
		}
		again, err := e.Report(ctx, question(func(q *entrustment.Question) { q.Entrustment = "f" }))
		if err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(before)
		b, _ := json.Marshal(again)
		if !bytes.Equal(a, b) {
			t.Errorf("%s: the other entrustment's release is another", when)
		}
		// A question that has to be counted.
		q := question(func(q *entrustment.Question) {
			q.Entrustment, q.Report, q.List, q.Dims = "f", entrustment.ReportSize, "l", nil
		})
		if when == "after a restart" {
			q.List = "own"
		}
		if _, err := e.Report(ctx, q); err != nil {
			t.Errorf("%s: the other entrustment: %v", when, err)
		}
		spent, _ = budget()
		cert, err := e.EndEntrustment(ctx, "e", wire.ByOfficer{})
		if err != nil || !bytes.Equal(cert, raw) {
			t.Errorf("%s: ended again: %v", when, err)
		}
		if cert, err = e.Certificate(ctx, "e"); err != nil || !bytes.Equal(cert, raw) {
			t.Errorf("%s: its certificate: %v", when, err)
		}
		if count(e, kindEnd) != 1 || count(e, kindRotation) != 1 {
			t.Errorf("%s: %d ends, %d rotations", when, count(e, kindEnd), count(e, kindRotation))
		}
	}
	check("at once")
	dir := e.vault.Dir()
	e.Close()
	if e, err = Open(ctx, dir, Options{}); err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	check("after a restart")
}

// TestOldCopyAfterAnEnd: an old copy of the vault with today's key opens nothing
// of an entrustment that ended since. Its twin has no rotation, and there the copy
// gives the list back; the certificate says so.
func TestOldCopyAfterAnEnd(t *testing.T) {
	for _, rotation := range []bool{true, false} {
		root := t.TempDir()
		dir := filepath.Join(root, "V")
		var o Options
		if !rotation {
			o.Key = keptKey{vault.Key{7}}
		}
		e, err := Open(t.Context(), dir, o)
		if err != nil {
			t.Fatal(err)
		}
		fill(t, e, "")
		segment := e.state.lists[listKey{"e", "l"}].Segment
		old := filepath.Join(t.TempDir(), "old")
		if err := os.CopyFS(old, os.DirFS(root)); err != nil {
			t.Fatal(err)
		}
		raw, err := e.EndEntrustment(t.Context(), "e", wire.ByOfficer{})
		if err != nil {
			t.Fatal(err)
		}
		want := receipt.KeyDestroyed
		if !rotation {
			want = receipt.RotationPending
		}
		if c := verified(t, e, raw); c.Status != want {
			t.Errorf("rotation %t: the certificate says %s", rotation, c.Status)
		}
		if _, err := e.vault.ReadSegment(segment); err == nil {
			t.Error("the vault itself still has it")
		}
		e.Close()
		if rotation { // today's key beside the old copy
			today, err := os.ReadFile(dir + ".key")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(old, "V.key"), today, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		v, err := vault.Open(t.Context(), filepath.Join(old, "V"), vault.Options{Key: o.Key})
		if rotation {
			if err == nil {
				v.Close()
				t.Error("an old copy opens with today's key")
			}
			continue
		}
		if err != nil {
			t.Fatalf("without the rotation the old copy should open: %v", err)
		}
		if cols, err := v.ReadSegment(segment); err != nil || len(cols) == 0 {
			t.Errorf("without the rotation the old copy should give the list: %v", err)
		}
		v.Close()
	}
}

// TestEndWaitsForQuestions: a question that was asked before the end is answered,
// another is refused at once, and the end comes after the answer; also where it
// is one of another entrustment about the same list. Who breaks off the waiting
// ends nothing.
func TestEndWaitsForQuestions(t *testing.T) {
	t.Parallel()
	for _, asks := range []string{"e", "f"} {
		counting, letOn := make(chan struct{}), make(chan struct{})
		e, err := Open(t.Context(), filepath.Join(t.TempDir(), "V"), Options{counts: func(e matcher.Engine) matcher.Engine { return paused{e, counting, letOn} }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
		fill(t, e, "")
		secondRoom(t, e)
		ask := func(id string, sigma int, done chan error) {
			_, err := e.Report(t.Context(), question(func(q *entrustment.Question) { q.Entrustment, q.Sigma = id, sigma }))
			done <- err
		}
		// One of e first: what it reads is what another of f reads too.
		first, second := make(chan error, 1), make(chan error, 1)
		go ask("e", 10, first)
		<-counting
		if asks == "f" {
			go ask("f", 20, second)
			for pinned := 0; pinned < 2; time.Sleep(time.Millisecond) {
				e.mu.Lock()
				pinned = e.asking["e"]
				e.mu.Unlock()
			}
		}
		ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, err := e.EndEntrustment(ctx, "e", wire.ByOfficer{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("an end that waits: %v", err)
		}
		stop()
		if _, err := e.Price(t.Context(), question(), 0); err != nil || count(e, kindEnd) != 0 {
			t.Errorf("an end that was broken off: %v, %d ends", err, count(e, kindEnd))
		}
		ended := make(chan error, 1)
		go func() { _, err := e.EndEntrustment(t.Context(), "e", wire.ByOfficer{}); ended <- err }()
		for waits := 0; waits == 0; time.Sleep(time.Millisecond) {
			e.mu.Lock()
			waits = e.ending["e"]
			e.mu.Unlock()
		}
		_, err = e.Report(t.Context(), question(func(q *entrustment.Question) { q.Sigma = 50 }))
		if public := wantCode(t, "asked while it is ended", err, entrustment.CodeGone); !strings.Contains(public.Detail, "being ended") {
			t.Errorf("refused: %v", public)
		}
		if count(e, kindEnd) != 0 {
			t.Error("it ended while a question was under way")
		}
		letOn <- struct{}{}
		if err := <-first; err != nil {
			t.Errorf("a question that was asked before: %v", err)
		}
		if asks == "f" {
			if n := count(e, kindEnd); n != 0 {
				t.Errorf("%d ends while another question reads the same list", n)
			}
			<-counting
			letOn <- struct{}{}
			if err := <-second; err != nil {
				t.Errorf("a question of another entrustment: %v", err)
			}
		}
		if err := <-ended; err != nil {
			t.Errorf("the end: %v", err)
		}
		if len(e.asking) != 0 || len(e.ending) != 0 || len(e.inUse) != 0 {
			t.Errorf("left: asking %v, ending %v, in use %d", e.asking, e.ending, len(e.inUse))
		}
	}
}

// TestEndWithoutWaiting is the twin: an end that does not wait takes from a
// question that was charged what it would be answered with.
func TestEndWithoutWaiting(t *testing.T) {
	t.Parallel()
	e, _, letOn, asked := askedAndCounting(t)
	e.mu.Lock()
	err := e.end("e", nil, false)
	if err == nil {
		err = e.destroy(t.Context(), e.state.ended["e"])
	}
	e.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	letOn <- struct{}{}
	if err := <-asked; err == nil || count(e, kindCharge) != 1 {
		t.Errorf("a question that was not waited for: %v, %d charges", err, count(e, kindCharge))
	}
}

// TestEndDuringALoad: a load under way when its entrustment ends is refused, and
// leaves nothing.
func TestEndDuringALoad(t *testing.T) {
	for _, what := range []string{"list", "events"} {
		e := openCrowd(t)
		file := clientLog(t, e)
		if what == "list" {
			file = sealedList(t, e, 1600)
		}
		sender := newSlow(file)
		done := make(chan error, 1)
		go func() {
			var err error
			if what == "list" {
				_, err = e.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, sender)
			} else {
				_, err = e.LoadEvents(t.Context(), wire.EventsRequest{Entrustment: "e"}, sender)
			}
			done <- err
		}()
		<-sender.half
		if _, err := e.EndEntrustment(t.Context(), "e", wire.ByOfficer{}); err != nil {
			t.Fatal(err)
		}
		close(sender.letOn)
		wantCode(t, "the load of "+what, <-done, entrustment.CodeGone)
		if n := len(segmentFiles(t, e)); n != len(e.state.segments()) {
			t.Errorf("%s: %d segments, %d are in use", what, n, len(e.state.segments()))
		}
		if _, err := e.vault.NewSegment("entrustment e"); err == nil {
			t.Errorf("the load of %s made the data key anew", what)
		}
	}
}

// TestEndLogged: what the log says of an end holds no name of a list, and nothing
// of anybody.
func TestEndLogged(t *testing.T) {
	e := openCrowd(t)
	if _, err := e.EndEntrustment(t.Context(), "nobody", wire.ByOfficer{}); entrustment.Public(err).Code != entrustment.CodeNotFound {
		t.Errorf("an unknown one: %v", err)
	}
	if _, err := e.EndEntrustment(t.Context(), "e", wire.ByOfficer{}); err != nil {
		t.Fatal(err)
	}
	for _, r := range e.vault.Log().Records() {
		if r.Kind == kindEnd && !strings.Contains(string(r.Body), `{"entrustment":"e","version":1,"generation":1,"segments":["`) {
			t.Errorf("the entry is %s", r.Body)
		}
	}
}

// changingKey is a vault key that its operator keeps, and changes.
type changingKey struct{ now, next *vault.Key }

func (k changingKey) Key(context.Context, bool) (vault.Key, error) { return *k.now, nil }

func (k changingKey) Next(context.Context) (vault.Key, error) {
	if k.next == nil {
		return vault.Key{}, vault.ErrNextKey
	}
	return *k.next, nil
}

func (k changingKey) Replace(_ context.Context, next vault.Key) (bool, error) {
	return *k.now == next, nil
}

// TestCertificateFollowsTheKey: where the operator keeps the key, the certificate
// is of a pending rotation until a key is in use that never wrapped the data key;
// one whose rotation was begun before the end did.
func TestCertificateFollowsTheKey(t *testing.T) {
	one, two, three := vault.Key{1}, vault.Key{2}, vault.Key{3}
	dir := filepath.Join(t.TempDir(), "V")
	with := func(now, next *vault.Key) *Enclave {
		t.Helper()
		e, err := Open(t.Context(), dir, Options{Key: changingKey{now, next}})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e := with(&one, &two)
	fill(t, e, "")
	if r, err := e.Rotate(t.Context(), wire.ByOfficer{}); err != nil || !r.Pending {
		t.Fatalf("%+v, %v", r, err)
	}
	status := func(want string) {
		t.Helper()
		raw, err := e.Certificate(t.Context(), "e")
		if err != nil {
			t.Fatal(err)
		}
		if c := verified(t, e, raw); c.Status != want {
			t.Errorf("the certificate says %s, want %s", c.Status, want)
		}
		e.Close()
	}
	if _, err := e.EndEntrustment(t.Context(), "e", wire.ByOfficer{}); err != nil {
		t.Fatal(err)
	}
	status(receipt.RotationPending)
	e = with(&two, nil) // which wrapped the data key too, before the end
	status(receipt.RotationPending)
	e = with(&two, &three)
	if r, err := e.Rotate(t.Context(), wire.ByOfficer{}); err != nil || !r.Pending {
		t.Errorf("%+v, %v", r, err)
	}
	status(receipt.RotationPending)
	e = with(&three, nil)
	status(receipt.KeyDestroyed)
	e = with(&three, nil)
	if n := count(e, kindRotation); n != 2 {
		t.Errorf("%d rotations in the log", n)
	}
	status(receipt.KeyDestroyed)
}
