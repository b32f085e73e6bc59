package enclave

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

// keyless tells whether the data key of a kind's hashes is gone.
func keyless(t *testing.T, e *Enclave, kind string) bool {
	t.Helper()
	ref := vault.SegmentRef{ID: e.state.base.Segment.ID, Key: baseKey}
	if !e.vault.Has(ref) {
		t.Fatal("the base is not there")
	}
	ref.Key = hashesKey(kind)
	return !e.vault.Has(ref)
}

// forgotten gives what the log says that was let go of.
func forgotten(t *testing.T, e *Enclave) (out []string) {
	t.Helper()
	for _, r := range e.vault.Log().Records() {
		if r.Kind == kindForget {
			f := must(body[forgetRecord](&r))
			out = append(out, fmt.Sprint(f.Base, f.Kinds))
		}
	}
	return out
}

// looks does what a room does each minute.
func looks(t *testing.T, e *Enclave) {
	t.Helper()
	if _, err := locked(e, func() (struct{}, error) { return struct{}{}, e.look() }); err != nil {
		t.Fatal(err)
	}
}

// TestHashesGoWithTheirContract: the hashes of a kind are kept while a contract names it
// and go with the last: where it ended, was amended or ran out. Their segment is
// unlinked, their key destroyed, and an entry of the log says so, once. Those of another
// kind, and the rest of the base, stay.
func TestHashesGoWithTheirContract(t *testing.T) {
	t.Parallel()
	for what, over := range map[string]func(r *agingRoom){
		"ended": func(r *agingRoom) {
			if _, err := r.EndEntrustment(t.Context(), "d", wire.ByOfficer{}); err != nil {
				t.Fatal(err)
			}
		},
		"amended": func(r *agingRoom) {
			entrustDoc(t, r.Enclave, deliveryContract("d", "cookie"))
			looks(t, r.Enclave)
		},
		"amended, and asked at once": func(r *agingRoom) {
			entrustDoc(t, r.Enclave, deliveryContract("d", "cookie"))
			_, err := r.Price(t.Context(), question(func(q *entrustment.Question) { q.Entrustment = "d2" }), 0)
			if err == nil {
				t.Error("a question of no list was priced")
			}
		},
		"amended, and the process died": func(r *agingRoom) {
			entrustDoc(t, r.Enclave, deliveryContract("d", "cookie"))
			r.reopen()
		},
		"run out": func(r *agingRoom) { r.at(100); looks(t, r.Enclave) },
	} {
		r := &agingRoom{t: t, dir: filepath.Join(t.TempDir(), "V")}
		r.o.Now = func() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }
		r.open()
		t.Cleanup(func() { r.Close() })
		furnishDelivering(t, r.Enclave)
		soon := "until: " + entrustment.DateOf(time.Now()).Add(50).String()
		entrustDoc(t, r.Enclave, strings.Replace(deliveryContract("d", "email, cookie"), "until: 2036-12-31", soon, 1))
		entrustDoc(t, r.Enclave, deliveryContract("d2", "cookie"))
		loadTelling(t, r.Enclave, tellingRows)
		email, before := r.state.base.Hashes[0].Segment, *r.state.base
		if _, err := hashesIn(t, r.Enclave, "email"); err != nil {
			t.Fatal(err)
		}
		over(r)
		for range 2 {
			b := r.state.base
			if len(b.Hashes) != 1 || b.Hashes[0].Kind != "cookie" || r.vault.Has(email) || !keyless(t, r.Enclave, "email") || keyless(t, r.Enclave, "cookie") {
				t.Errorf("%s: %+v; there %v, without a key %v", what, b.Hashes, r.vault.Has(email), keyless(t, r.Enclave, "email"))
			}
			if got := forgotten(t, r.Enclave); !slices.Equal(got, []string{"1 [email]"}) {
				t.Errorf("%s: the log says %v", what, got)
			}
			_, err := hashesIn(t, r.Enclave, "email")
			wantCode(t, what, err, entrustment.CodeNotFound)
			refusal := wantCode(t, what, r.baseServes(&entrustment.Destination{Form: entrustment.FormMeta, Base: []string{"cookie", "email"}}), entrustment.CodeNotFound)
			if refusal.Field != "destination.identifiers[1]" {
				t.Error(refusal)
			}
			if cookies, err := hashesIn(t, r.Enclave, "cookie"); err != nil || len(cookies) != 3 || len(userKeysIn(t, r.Enclave, "", anyone)) != 4 {
				t.Errorf("%s: %d have cookies, %v", what, len(cookies), err)
			}
			if b.Population != before.Population || b.Version != 1 || len(before.Hashes) != 2 {
				t.Errorf("%s: the base is another", what)
			}
			r.reopen()
		}
	}
}

// TestHashesStayWithoutTheControl: were it not looked at what contracts name, the hashes
// would be there after the last of them ended.
func TestHashesStayWithoutTheControl(t *testing.T) {
	t.Parallel()
	e := openDelivering(t, "email")
	loadTelling(t, e, tellingRows)
	e.retention.named = entrustment.Kinds
	if _, err := e.EndEntrustment(t.Context(), "d", wire.ByOfficer{}); err != nil {
		t.Fatal(err)
	}
	if emails, err := hashesIn(t, e, "email"); err != nil || len(emails) != 1 {
		t.Errorf("%d have hashes, %v: the test shows nothing", len(emails), err)
	}
	e = again(t, e) // which looks
	_, err := hashesIn(t, e, "email")
	wantCode(t, "after a restart", err, entrustment.CodeNotFound)
}

// TestHashesAndTheClock: while a jump of the machine's clock waits for officers, no
// contract is over by it; one that was ended is.
func TestHashesAndTheClock(t *testing.T) {
	t.Parallel()
	e := openDelivering(t, "email", "cookie")
	loadTelling(t, e, tellingRows)
	later, stands := time.Now().AddDate(100, 0, 0), true
	e.retention.clock = func() (time.Time, bool) { return later, stands }
	looks(t, e)
	if got := forgotten(t, e); got != nil {
		t.Errorf("while the clock stands: %v", got)
	}
	if _, err := e.EndEntrustment(t.Context(), "d", wire.ByOfficer{}); err != nil {
		t.Fatal(err)
	}
	if got := forgotten(t, e); !slices.Equal(got, []string{"1 [email]"}) {
		t.Errorf("what was ended: %v", got)
	}
	stands = false
	looks(t, e)
	if got := forgotten(t, e); !slices.Equal(got, []string{"1 [email]", "1 [cookie]"}) {
		t.Errorf("once the clock was accepted: %v", got)
	}
}

// TestBaseLoadedBefore: a base that was loaded before a contract named a kind says to
// load it again. The sealed file that it is of is no answer, one that is sealed anew is,
// though its content is the same; after that the same is the same again.
func TestBaseLoadedBefore(t *testing.T) {
	t.Parallel()
	e := openDelivering(t, "")
	schema := parse(t, entrustment.ParseBaseSchema, tellingBase)
	raw := must(io.ReadAll(sealedTable(t, e, schema, tellingRows)))
	send := func(raw []byte) (wire.BaseLoaded, error) {
		return e.LoadBase(t.Context(), schema, bytes.NewReader(raw))
	}
	for i := range 2 {
		if l, err := send(raw); err != nil || l.Changed != (i == 0) {
			t.Fatalf("%+v, %v", l, err)
		}
	}
	email := &entrustment.Destination{Form: entrustment.FormMeta, Base: []string{"email"}}
	entrustDoc(t, e, deliveryContract("d2", "email, maid")) // of which the table has no maid
	wantCode(t, "loaded before", e.baseServes(email), entrustment.CodeNotFound)
	_, err := send(raw)
	wantCode(t, "the same file", err, entrustment.CodeForbidden)
	for i := range 2 {
		if l := loadBaseAs(t, e, schema, []byte(tellingRows)); l.Changed != (i == 0) || l.Version != 2 {
			t.Errorf("%+v", l)
		}
		if err := e.baseServes(email); err != nil {
			t.Error(err)
		}
	}
	// A base of an older version says so of its channels.
	b := *e.state.base
	b.UserKeys, b.OptIns = nil, nil
	e.state.base = &b
	mail := &entrustment.Destination{Form: entrustment.FormOwnChannel, Channel: "mail"}
	wantCode(t, "an older version's", e.baseServes(mail), entrustment.CodeNotFound)
	if l := loadBaseAs(t, e, schema, []byte(tellingRows)); !l.Changed || e.baseServes(mail) != nil {
		t.Errorf("%+v", l)
	}
	e.state.base = nil
	wantCode(t, "no base", e.baseServes(mail), entrustment.CodeNotFound)
}

// sealedTable seals a base to a room.
func sealedTable(t *testing.T, e *Enclave, schema *entrustment.BaseSchema, rows string) *bytes.Reader {
	t.Helper()
	f, err := intake.OpenBase(t.Context(), strings.NewReader(rows), int64(len(rows)), schema, intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return sealed(t, e, seal.BaseEntrustment, seal.BaseName, f.Header(), f.Rows())
}

// TestContractEndsWhileABaseLoads: what a load has read of a kind that no contract names
// any more, once it is done, does not stand, and its key goes when the load is over. One
// that another contract named meanwhile stands, and can be read.
func TestContractEndsWhileABaseLoads(t *testing.T) {
	t.Parallel()
	for _, renewed := range []bool{false, true} {
		e := openDelivering(t, "email")
		schema := parse(t, entrustment.ParseBaseSchema, tellingBase)
		loadTelling(t, e, strings.Replace(tellingRows, "taro.y@", "taro.z@", 1))
		raw := must(io.ReadAll(sealedTable(t, e, schema, tellingRows)))
		half := &pausing{r: bytes.NewReader(raw), at: len(raw) - 10, pause: func() {
			if _, err := e.EndEntrustment(t.Context(), "d", wire.ByOfficer{}); err != nil {
				t.Error(err)
			}
			if len(e.state.base.Hashes) != 0 || keyless(t, e, "email") {
				t.Errorf("%+v; without a key %v", e.state.base.Hashes, keyless(t, e, "email"))
			}
			if renewed {
				entrustDoc(t, e, deliveryContract("d2", "email"))
			}
		}}
		if _, err := e.LoadBase(t.Context(), schema, half); err != nil || !half.paused {
			t.Fatal(err, half.paused)
		}
		looks(t, e)
		emails, err := hashesIn(t, e, "email")
		if (err == nil) != renewed || keyless(t, e, "email") == renewed || renewed && len(emails) != 1 {
			t.Errorf("named again %v: %d have hashes, %v; without a key %v", renewed, len(emails), err, keyless(t, e, "email"))
		}
		if n := len(segmentFiles(t, e)); n != 3+map[bool]int{true: 1}[renewed] {
			t.Errorf("%d files", n)
		}
	}
}

// pausing is a reader that stops once.
type pausing struct {
	r      *bytes.Reader
	at     int
	pause  func()
	paused bool
}

func (p *pausing) Read(b []byte) (int, error) {
	left := p.r.Len() - (int(p.r.Size()) - p.at)
	if left <= 0 && !p.paused {
		p.paused = true
		p.pause()
	}
	if left > 0 && len(b) > left {
		b = b[:left]
	}
	return p.r.Read(b)
}

// TestForgetFaultAnywhere lets each operation of it fail in each way: once the entry
// stands the hashes are gone, the next look or the restart finishes it, and nothing is
// let go of twice.
func TestForgetFaultAnywhere(t *testing.T) {
	steps := []step{
		{"open", func(d *day, _ context.Context) error { return errors.Join(d.close(), d.open()) }},
		{"furnish", func(d *day, _ context.Context) error {
			furnishDelivering(d.t, d.e)
			soon := "until: " + entrustment.DateOf(morning).Add(50).String()
			entrustDoc(d.t, d.e, strings.Replace(deliveryContract("d", "email"), "until: 2036-12-31", soon, 1))
			loadTelling(d.t, d.e, tellingRows)
			return nil
		}},
		{"its last day is over", func(d *day, _ context.Context) error {
			if later := morning.Add(60 * day24); d.clock.Before(later) {
				d.clock = later
			}
			_, err := locked(d.e, func() (any, error) { return nil, d.e.look() })
			if err == nil && len(d.e.state.base.Hashes) != 0 {
				err = errors.New("they are there still")
			}
			return err
		}},
		{"opened again", func(d *day, _ context.Context) error {
			if err := errors.Join(d.close(), d.open()); err != nil {
				return err
			}
			if n := len(segmentFiles(d.t, d.e)); n != 3 || !keyless(d.t, d.e, "email") || count(d.e, kindForget) != 1 {
				return fmt.Errorf("%d files, without a key %v, %d entries", n, keyless(d.t, d.e, "email"), count(d.e, kindForget))
			}
			return nil
		}},
	}
	faultAnywhere(t, steps, 2, &sealedFiles{bytes: map[string][]byte{}}, map[string]int{vault.KindClock: 1, kindParty: 2, kindPolicies: 1, kindEntrust: 1, kindBase: 1, kindForget: 1}, 10)
}
