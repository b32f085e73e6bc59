package enclave

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// goodCheck is how the desk checked who asks.
func goodCheck() wire.IdentityCheck {
	return wire.IdentityCheck{Method: wire.CheckDocument, On: entrustment.Date{Year: 2020, Month: 1, Day: 2}, By: "person 1"}
}

// rights takes a request of users, however many.
func rights(t *testing.T, e *Enclave, kind seal.RequestKind, keys [][]byte) error {
	maker, err := token.NewMaker(e.tokens, userKind, 0, "")
	if err != nil {
		return err
	}
	var users []token.Token
	for _, k := range keys {
		h := sha256.Sum256(k)
		users = append(users, maker.Make(&h))
	}
	_, err = e.takeRequest(t.Context(), kind, seal.NewUpload(), hexID{}, goodCheck(), users)
	return err
}

// sealedRequest is a request as the desk seals it, and what is changed in it.
func sealedRequest(t *testing.T, e *Enclave, kind seal.RequestKind, keys [][]byte) []byte {
	t.Helper()
	rows, err := seal.RequestOf(keys)
	if err != nil {
		t.Fatal(err)
	}
	return sealedRows(t, e, seal.RequestName, seal.Header{Purpose: seal.Request, Asks: kind}, rows)
}

func sealedRows(t *testing.T, e *Enclave, name string, h seal.Header, rows []seal.Row) []byte {
	t.Helper()
	raw, err := io.ReadAll(sealed(t, e, seal.BaseEntrustment, name, h, func(yield func([]seal.Row, error) bool) { yield(rows, nil) }))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func userKeys(from, to int) (keys [][]byte) {
	for i := from; i < to; i++ {
		keys = append(keys, fmt.Appendf(nil, "user-%d", i))
	}
	return keys
}

// women is the noised number of the cell f, about 250 or 750 in these tests.
func women(t *testing.T, e *Enclave, change ...func(*entrustment.Question)) int64 {
	t.Helper()
	r, err := e.Report(t.Context(), question(change...))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Cells {
		if c.Key["gender"] == "f" && c.Users != nil {
			return c.Users.Value
		}
	}
	t.Fatal("no such cell")
	return 0
}

func nearly(got, want int64) bool { return max(got-want, want-got) < 60 } // six standard deviations

// TestRequest: who asked is in no release that is charged afterwards, also after a
// restart and in the next base. Without the tombstones they are counted.
func TestRequest(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	ctx := t.Context()
	coarse := func(q *entrustment.Question) { q.Sigma = 5 }
	if n := women(t, e); !nearly(n, 750) {
		t.Fatalf("%d before", n)
	}
	before := e.populationNow()
	for i, keys := range [][][]byte{userKeys(0, 400), userKeys(400, 1000), {[]byte("nobody")}} {
		if err := rights(t, e, []seal.RequestKind{seal.Deletion, seal.Stop, seal.Stop}[i], keys); err != nil {
			t.Fatal(err)
		}
	}
	if e.populationNow() == before || e.engine.Base(matcher.PopulationID(before)) != nil {
		t.Error("the population before is still asked about")
	}
	if n := women(t, e, coarse); !nearly(n, 250) {
		t.Errorf("%d women after the requests", n)
	}
	for _, r := range e.vault.Log().Records() {
		if r.Kind != kindRequest {
			continue
		}
		var says map[string]json.RawMessage
		if err := json.Unmarshal(r.Body, &says); err != nil {
			t.Fatal(err)
		}
		if keys := slices.Sorted(maps.Keys(says)); !slices.Equal(keys, []string{"check", "commitment", "id", "kind", "number"}) {
			t.Errorf("the log says %s", r.Body)
		}
	}
	dir := e.vault.Dir()
	e.Close()
	e, err := Open(ctx, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { e.Close() }()
	if n := women(t, e, func(q *entrustment.Question) { q.Sigma = 10 }); !nearly(n, 250) {
		t.Errorf("%d women after a restart", n)
	}
	// The next base has them again, and they stay out of it.
	schema := parse(t, entrustment.ParseBaseSchema, oracleBase)
	if _, err := e.LoadBase(ctx, schema, bytes.NewReader(sealedBase(t, e, 1502))); err != nil {
		t.Fatal(err)
	}
	if n := women(t, e, func(q *entrustment.Question) { q.Sigma = 10 }); !nearly(n, 250) {
		t.Errorf("%d women of the next base", n)
	}
	// The control: the same vault without who asked.
	e.Close()
	if e, err = Open(ctx, dir, Options{}); err != nil {
		t.Fatal(err)
	}
	e.gone = nil
	if n := women(t, e, func(q *entrustment.Question) { q.Sigma, q.Dims = 10, []string{"gender"}; q.Total = true }); !nearly(n, 750) {
		t.Errorf("%d women without the tombstones", n)
	}
}

// TestRequestWaits: a request is acknowledged once what was asked before it is
// charged, so that no charge about its users comes after.
func TestRequestWaits(t *testing.T) {
	t.Parallel()
	e, counting, letOn, asked := askedAndCounting(t)
	done := make(chan error, 1)
	go func() { done <- rights(t, e, seal.Deletion, userKeys(0, 1000)) }()
	for count(e, kindRequest) == 0 {
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-done:
		t.Errorf("acknowledged while a question about its users ran: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	letOn <- struct{}{}
	if err := <-asked; err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	go func() { <-counting; letOn <- struct{}{} }()
	if n := women(t, e, func(q *entrustment.Question) { q.Sigma = 5 }); !nearly(n, 250) {
		t.Errorf("%d women", n)
	}
}

// TestRequestUnreadable: a request that can't be read back stops releases, until
// somebody answers for it.
func TestRequestUnreadable(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	ctx := t.Context()
	for i := range 2 {
		if err := rights(t, e, seal.Deletion, userKeys(i, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	dir := e.vault.Dir()
	if err := e.vault.RemoveSegments([]string{"request-2"}); err != nil {
		t.Fatal(err)
	}
	e.Close()
	for opened := range 2 {
		var err error
		if e, err = Open(ctx, dir, Options{}); err != nil {
			t.Fatal(err)
		}
		if opened == 0 {
			_, err = e.Report(ctx, question())
			wantCode(t, "with a request that is lost", err, entrustment.CodeFrozen)
			_, err = e.Reserve(ctx, wire.ReserveRequest{Name: "r", Question: question(), Until: entrustment.DateOf(time.Now()).Add(9)})
			wantCode(t, "reserving", err, entrustment.CodeFrozen)
			if ack, err := e.ConfirmRestore(ctx); err != nil || !ack.Changed {
				t.Errorf("%+v, %v", ack, err)
			}
		}
		if ack, err := e.ConfirmRestore(ctx); err != nil || ack.Changed {
			t.Errorf("confirmed again: %+v, %v", ack, err)
		}
		if _, err := e.Report(ctx, question()); err != nil {
			t.Errorf("answered for: %v", err)
		}
		if _, err := e.Backup(ctx, wire.BackupRequest{Dir: filepath.Join(t.TempDir(), "b"), Expires: entrustment.DateOf(time.Now())}); err != nil {
			t.Errorf("a backup without it: %v", err)
		}
		e.Close()
	}
	// An exchanged one is no better.
	v, err := vault.Open(ctx, dir, vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := v.ReplaceSegment(vault.SegmentRef{ID: "request-1", Key: rightsKey})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Put(requestColumn, []byte(`{"kind":"stop","users":[]}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	v.Close()
	if e, err = Open(ctx, dir, Options{}); err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	_, err = e.Report(ctx, question(func(q *entrustment.Question) { q.Sigma = 50 }))
	wantCode(t, "an exchanged request", err, entrustment.CodeFrozen)
}
