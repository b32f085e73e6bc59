package enclave

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// deskKey is the key of a privacy desk, by a number.
func deskKey(t testing.TB, n byte) seal.PrivateKey {
	t.Helper()
	k, err := seal.DeriveKey(seal.XWing, [32]byte{n, 31: 9})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// asksDisclosure hands in a request for disclosure, and gives its number.
func asksDisclosure(t *testing.T, e *Enclave, keys [][]byte) int64 {
	t.Helper()
	raw, err := e.Request(t.Context(), wire.RightsRequest{Check: goodCheck(), Sealed: sealedRequest(t, e, seal.Disclosure, keys)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.VerifyRequest(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.Number
}

// opened opens a disclosure as the desk does, and holds it to its receipt.
func openedDisclosure(t *testing.T, e *Enclave, key seal.PrivateKey, n int64) *wire.Disclosed {
	t.Helper()
	file, err := e.Disclosure(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	tag, content, err := seal.OpenDisclosure(file, key)
	if err != nil {
		t.Fatal(err)
	}
	d, err := wire.ParseDisclosed(content)
	if err != nil {
		t.Fatalf("%v: %s", err, content)
	}
	raw, err := e.RequestReceipt(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.VerifyRequest(raw, nil)
	if err != nil || r.Disclosed == nil {
		t.Fatalf("its receipt: %v: %s", err, raw)
	}
	sum := sha256.Sum256(file)
	if r.Disclosed.Sealed != hex.EncodeToString(sum[:]) || r.Disclosed.Desk != key.Public().Fingerprint() || tag.Number != n || d.Number != n || hex.EncodeToString(tag.Vault[:]) != e.vault.ID() || len(file) != seal.DisclosureSize {
		t.Errorf("the receipt says %+v, the file %+v", r.Disclosed, tag)
	}
	return d
}

// disclosing is a room with officers and a desk.
type disclosing struct {
	*signedRoom
	key seal.PrivateKey
}

func newDisclosing(t *testing.T, set ...func(*signedRoom)) *disclosing {
	t.Helper()
	d := &disclosing{newSignedRoom(t, set...), deskKey(t, 1)}
	d.pin(t, d.key)
	return d
}

func (d *disclosing) pin(t *testing.T, key seal.PrivateKey) {
	t.Helper()
	d.must(t, d.waitsFor(t)(d.SetDeskKey(t.Context(), key.Public())), "op1", "op2")
	d.key = key
}

// asks hands a request in, and gives its number and its draft.
func (d *disclosing) asks(t *testing.T, keys [][]byte) (int64, *wire.Draft) {
	t.Helper()
	n := asksDisclosure(t, d.Enclave, keys)
	return n, d.draftOf(t, n)
}

func (d *disclosing) draftOf(t *testing.T, n int64) *wire.Draft {
	t.Helper()
	info := d.state1(t, n)
	drafts, err := d.Drafts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(drafts, func(w wire.Draft) bool { return w.Hash == info.Draft })
	if i < 0 {
		t.Fatalf("no draft waits of request %d: %+v", n, info)
	}
	return &drafts[i]
}

func (d *disclosing) state1(t *testing.T, n int64) wire.RequestInfo {
	t.Helper()
	all, err := d.Requests(t.Context())
	if err != nil || int64(len(all)) < n {
		t.Fatalf("%d requests, %v", len(all), err)
	}
	return all[n-1]
}

func (d *disclosing) wantState(t *testing.T, what string, n int64, state string) {
	t.Helper()
	if got := d.state1(t, n); got.State != state || (got.Draft != "") != (state == wire.RequestWaiting) {
		t.Errorf("%s: %+v, want %s", what, got, state)
	}
}

// TestDisclosureSigned: a disclosure waits for two officers of the operator, is made
// with the second signature, and is the same bytes from then on; what officers sign
// says which request and which desk, and not whose.
func TestDisclosureSigned(t *testing.T) {
	t.Parallel()
	d := newDisclosing(t)
	d.furnish(t)
	users, _ := crowd(20)
	loadBaseFile(t, d.Enclave, usersCSV(rand.New(rand.NewPCG(1, 1)), users))
	n, draft := d.asks(t, userKeys(3, 5))
	d.wantState(t, "drafted", n, wire.RequestWaiting)
	_, err := d.Disclosure(t.Context(), n)
	wantCode(t, "before it is signed for", err, entrustment.CodeNotFound)
	if text := string(draft.Document); draft.Statement.Act != kindDisclosure || !strings.Contains(text, fmt.Sprintf(`"number":%d`, n)) || !strings.Contains(text, d.key.Public().Fingerprint()) || strings.Contains(text, "user-") ||
		!slices.Equal(draft.Parties, []string{"operator"}) {
		t.Errorf("officers sign %s of %v", text, draft.Parties)
	}
	if raw, err := d.RequestReceipt(t.Context(), n); err != nil || bytes.Contains(raw, []byte(`"disclosed"`)) {
		t.Errorf("the receipt says that it is made: %s, %v", raw, err)
	}
	// Other officers, one twice, and a signature of before.
	first := d.approval(t, draft, "op1")
	_, err = d.approve(t, draft, "ac1")
	wantCode(t, "another party's officer", err, entrustment.CodeForbidden)
	if out, err := d.Approve(t.Context(), first); err != nil || out.Effective || !slices.Equal(out.Needs, []string{"operator"}) {
		t.Fatalf("%+v, %v", out, err)
	}
	for what, a := range map[string]wire.Approval{"one officer twice": d.approval(t, draft, "op1"), "again": first} {
		_, err = d.Approve(t.Context(), a)
		wantCode(t, what, err, entrustment.CodeForbidden)
	}
	d.wantState(t, "signed once", n, wire.RequestWaiting)
	d.reopen(t)
	out, err := d.approve(t, draft, "op2")
	if err != nil || !out.Effective {
		t.Fatalf("%+v, %v", out, err)
	}
	d.wantState(t, "signed twice", n, wire.RequestDisclosed)
	if got := openedDisclosure(t, d.Enclave, d.key, n); len(got.Users) != 2 || !got.Users[0].Known || !got.Users[1].Known || got.Dev {
		t.Errorf("%+v", got)
	}
	file, err := d.Disclosure(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	d.reopen(t)
	if again, err := d.Disclosure(t.Context(), n); err != nil || !bytes.Equal(file, again) {
		t.Errorf("after a restart other bytes: %v", err)
	}
	_, err = d.Disclose(t.Context(), n)
	wantCode(t, "disclosed again", err, entrustment.CodeForbidden)
	_, err = d.approve(t, draft, "op2")
	wantCode(t, "a draft used twice", err, entrustment.CodeForbidden)
	// Who asks is not kept longer than it is needed.
	if d.state.segments()[d.state.requests[n-1].segment().ID] {
		t.Error("the askers of a disclosed request are kept")
	}
	// A signature for one request is none for another.
	_, other := d.asks(t, userKeys(1, 2))
	replay := first
	replay.Draft = other.Hash
	_, err = d.Approve(t.Context(), replay)
	wantCode(t, "a signature of another request", err, entrustment.CodeForbidden)
	// The log names no one, and the room's own log neither.
	for _, r := range d.vault.Log().Records() {
		if strings.Contains(string(r.Body), "user-") {
			t.Errorf("entry %d: %s", r.Seq, r.Body)
		}
	}
}

// TestOneOfficerDiscloses is the twin: were one signature enough, one officer would
// read of anybody.
func TestOneOfficerDiscloses(t *testing.T) {
	t.Parallel()
	d := newDisclosing(t)
	n, draft := d.asks(t, userKeys(1, 2))
	d.needed = func([]string, []signature) []string { return nil }
	if out, err := d.approve(t, draft, "op1"); err != nil || !out.Effective {
		t.Fatalf("without the control: %+v, %v", out, err)
	}
	openedDisclosure(t, d.Enclave, d.key, n)
	// One officer twice, without the control of two people.
	d = newDisclosing(t)
	n, draft = d.asks(t, userKeys(1, 2))
	d.without(t, "two people")
	d.must(t, draft, "op1", "op1")
	openedDisclosure(t, d.Enclave, d.key, n)
	// Another party's officer, were it concerned.
	d = newDisclosing(t)
	_, draft = d.asks(t, userKeys(1, 2))
	d.without(t, "concerned")
	if _, err := d.approve(t, draft, "ac1"); err != nil {
		t.Fatal(err)
	}
}

// TestDisclosureDeskReplaced: what was signed for one desk's key is not sealed to
// another; the twin without the control is.
func TestDisclosureDeskReplaced(t *testing.T) {
	t.Parallel()
	for _, mutant := range []bool{false, true} {
		d := newDisclosing(t)
		n, draft := d.asks(t, userKeys(1, 2))
		if _, err := d.approve(t, draft, "op1"); err != nil {
			t.Fatal(err)
		}
		thief := deskKey(t, 2)
		d.pin(t, thief)
		if mutant {
			d.fitsDesk = func(*disclosureDraft) bool { return true }
			if out, err := d.approve(t, draft, "op2"); err != nil || !out.Effective {
				t.Fatalf("without the control: %+v, %v", out, err)
			}
			file, err := d.Disclosure(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := seal.OpenDisclosure(file, thief); err != nil {
				t.Errorf("without the control: %v", err)
			}
			continue
		}
		_, err := d.approve(t, draft, "op2")
		if e := wantCode(t, "a replaced desk key", err, entrustment.CodeForbidden); !strings.Contains(e.Detail, "desk's key") {
			t.Error(e)
		}
		d.wantState(t, "its desk was replaced", n, wire.RequestLapsed)
		again := d.waitsFor(t)(d.Disclose(t.Context(), n))
		if again.Hash == draft.Hash || !strings.Contains(string(again.Document), thief.Public().Fingerprint()) {
			t.Errorf("drafted anew: %s", again.Document)
		}
		d.must(t, again, "op1", "op2")
		openedDisclosure(t, d.Enclave, thief, n)
	}
}

// TestDisclosureLapses: a draft that lapsed or was taken back says so, also after a
// restart, and is drafted anew by who asks for that, not by the sealed request again.
func TestDisclosureLapses(t *testing.T) {
	t.Parallel()
	d := newDisclosing(t)
	raw := sealedRequest(t, d.Enclave, seal.Disclosure, userKeys(1, 2))
	req := wire.RightsRequest{Check: goodCheck(), Sealed: raw}
	if _, err := d.Request(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	n, draft := int64(1), d.draftOf(t, 1)
	if _, err := d.Withdraw(t.Context(), draft.Hash); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		d.wantState(t, "taken back", n, wire.RequestWithdrawn)
		if _, err := d.Request(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		d.reopen(t)
	}
	second := d.waitsFor(t)(d.Disclose(t.Context(), n))
	d.wantState(t, "drafted anew", n, wire.RequestWaiting)
	if again := d.waitsFor(t)(d.Disclose(t.Context(), n)); again.Hash != second.Hash {
		t.Error("two drafts of one disclosure wait")
	}
	d.ahead += draftLife
	d.wantState(t, "lapsed", n, wire.RequestLapsed)
	_, err := d.approve(t, second, "op1")
	wantCode(t, "a lapsed draft", err, entrustment.CodeForbidden)
	d.must(t, d.waitsFor(t)(d.Disclose(t.Context(), n)), "op2", "op1")
	d.wantState(t, "signed for", n, wire.RequestDisclosed)
	for _, none := range []int64{0, 2, -1, 1 << 40} {
		_, err := d.Disclose(t.Context(), none)
		wantCode(t, "no such request", err, entrustment.CodeNotFound)
		_, err = d.Disclosure(t.Context(), none)
		wantCode(t, "no such request", err, entrustment.CodeNotFound)
	}
}

// TestDisclosureNoDesk: without a desk's key nothing is taken.
func TestDisclosureNoDesk(t *testing.T) {
	t.Parallel()
	d := openDesk(t, 5)
	_, err := d.Request(t.Context(), wire.RightsRequest{Check: goodCheck(), Sealed: sealedRequest(t, d.Enclave, seal.Disclosure, userKeys(1, 2))})
	wantCode(t, "no desk", err, entrustment.CodeNotFound)
	_, err = d.DeskKey(t.Context())
	wantCode(t, "no desk", err, entrustment.CodeNotFound)
	weak, err := seal.DeriveKey(seal.X25519, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.SetDeskKey(t.Context(), weak.Public())
	wantCode(t, "a key of another suite", err, entrustment.CodeSpec)
	if len(d.state.requests) != 0 {
		t.Error("a request was kept")
	}
}

// TestDisclosuresADay: the 51st of a day is refused whoever asks, and costs nothing: it
// keeps its first signature, and is made the next day. Without the count it is made.
func TestDisclosuresADay(t *testing.T) {
	t.Parallel()
	d := newDisclosing(t)
	// From the morning of a JST day on.
	now := time.Now().Add(d.ahead)
	d.ahead += entrustment.DateOf(now).Add(1).Start().Add(time.Hour).Sub(now)
	for range maxDisclosures - 1 {
		_, draft := d.asks(t, userKeys(1, 2))
		d.must(t, draft, "op1", "op2")
	}
	d.reopen(t) // the count is the log's
	_, draft := d.asks(t, userKeys(1, 2))
	d.must(t, draft, "op1", "op2")
	n, draft := d.asks(t, [][]byte{[]byte("nobody")})
	if _, err := d.approve(t, draft, "op1"); err != nil {
		t.Fatal(err)
	}
	entries := len(d.vault.Log().Records())
	_, err := d.approve(t, draft, "op2")
	if e := wantCode(t, "the 51st", err, entrustment.CodeLimit); e.Clause != "§7" {
		t.Error(e)
	}
	if r := d.vault.Log().Records(); len(r) != entries+1 || r[entries].Kind != kindRefusal {
		t.Errorf("%d entries were written", len(r)-entries)
	}
	d.wantState(t, "the 51st", n, wire.RequestWaiting)
	d.ahead += 24 * time.Hour
	d.must(t, draft, "op2")
	openedDisclosure(t, d.Enclave, d.key, n)
	// The twin, without the count.
	twin := newDisclosing(t)
	twin.disclosedOn = func(entrustment.Date) int { return 0 }
	for range maxDisclosures + 1 {
		_, draft := twin.asks(t, userKeys(1, 2))
		twin.must(t, draft, "op1", "op2")
	}
	made := 0
	for _, x := range twin.state.disclosed {
		if x.made != nil {
			made++
		}
	}
	if made != maxDisclosures+1 {
		t.Errorf("without the count %d were made", made)
	}
}

// TestDisclosureFrozen: nothing is disclosed while releases are stopped, nor fetched,
// and the last signature can be given afterwards.
func TestDisclosureFrozen(t *testing.T) {
	t.Parallel()
	d := newDisclosing(t)
	made, draft := d.asks(t, userKeys(1, 2))
	d.must(t, draft, "op1", "op2")
	n, draft := d.asks(t, userKeys(2, 3))
	if _, err := d.Freeze(t.Context(), d.freezeBy(t, "ac1", nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.approve(t, draft, "op1"); err != nil {
		t.Fatal(err)
	}
	_, err := d.approve(t, draft, "op2")
	wantCode(t, "while frozen", err, entrustment.CodeFrozen)
	_, err = d.Disclosure(t.Context(), made)
	wantCode(t, "fetched while frozen", err, entrustment.CodeFrozen)
	d.wantState(t, "frozen", n, wire.RequestWaiting)
	// The twin: without the control both come out while everybody thinks that nothing does.
	stopped := d.stopped
	d.stopped = func() error { return nil }
	if _, err := d.Disclosure(t.Context(), made); err != nil {
		t.Errorf("without the control: %v", err)
	}
	third, other := d.asks(t, userKeys(3, 4))
	d.must(t, other, "op1", "op2")
	openedDisclosure(t, d.Enclave, d.key, third)
	d.stopped = stopped
	d.must(t, d.waitsFor(t)(d.Lift(t.Context())), "op1", "ac1")
	d.must(t, draft, "op2")
	openedDisclosure(t, d.Enclave, d.key, n)
}

// TestDisclosureDev: where nobody signs a disclosure is made at once, and waits where
// it can't be.
func TestDisclosureDev(t *testing.T) {
	t.Parallel()
	d := openDesk(t, 5)
	d.load()
	key := deskKey(t, 1)
	if ack, err := d.SetDeskKey(t.Context(), key.Public()); err != nil || !ack.Changed || ack.Waits != nil {
		t.Fatalf("%+v, %v", ack, err)
	}
	n := asksDisclosure(t, d.Enclave, userKeys(1, 2))
	if got := openedDisclosure(t, d.Enclave, key, n); !got.Dev || !got.Users[0].Known {
		t.Errorf("%+v", got)
	}
	if _, err := d.Freeze(t.Context(), wire.FreezeRequest{}); err != nil {
		t.Fatal(err)
	}
	n = asksDisclosure(t, d.Enclave, userKeys(1, 2))
	_, err := d.Disclose(t.Context(), n)
	wantCode(t, "frozen", err, entrustment.CodeFrozen)
	if _, err := d.Lift(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ack, err := d.Disclose(t.Context(), n); err != nil || !ack.Changed {
		t.Fatalf("%+v, %v", ack, err)
	}
	openedDisclosure(t, d.Enclave, key, n)
	if !reflect.DeepEqual(openedDisclosure(t, d.Enclave, key, n).Others, wire.OfOthers) {
		t.Error("it does not refer to those who entrusted data")
	}
}
