package enclave

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"awase/crypto/receipt"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// acts are what widens what may leave, and what puts anything in, by who reaches a
// room first.
func acts(t *testing.T, e *Enclave) map[string]func() error {
	ctx := t.Context()
	mine := partyDoc(t, "eve", entrustment.ClassOperator, "eve1", "eve2")
	policies := parse(t, entrustment.ParsePolicies, "schema: awase.policies/v1\npolicies:\n  - {version: v2, date: 2024-01-29, clauses: {\"5\": [5-analysis]}}\n")
	return map[string]func() error{
		"party":    func() error { _, err := e.AddParty(ctx, mine); return err },
		"policies": func() error { _, err := e.SetPolicies(ctx, policies); return err },
		"gate":     func() error { _, err := e.SetGate(ctx, "g", []byte("schema: awase.gate/v1\nk: 20\n")); return err },
		"entrust": func() error {
			_, err := e.Entrust(ctx, parse(t, entrustment.ParseContract, oracleContract))
			return err
		},
		"accept-clock": func() error { _, err := e.AcceptClock(ctx); return err },
		"confirm":      func() error { _, err := e.ConfirmRestore(ctx); return err },
		"base": func() error {
			_, err := e.LoadBase(ctx, parse(t, entrustment.ParseBaseSchema, oracleBase), bytes.NewReader(nil))
			return err
		},
		"list": func() error {
			_, err := e.LoadList(ctx, wire.ListRequest{Entrustment: "e", Name: "l"}, bytes.NewReader(nil))
			return err
		},
		"events": func() error { _, err := e.LoadEvents(ctx, wire.EventsRequest{}, bytes.NewReader(nil)); return err },
		"price":  func() error { _, err := e.Price(ctx, question(), 0); return err },
		"report": func() error { _, err := e.Report(ctx, question()); return err },
		"reserve": func() error {
			_, err := e.Reserve(ctx, wire.ReserveRequest{Name: "r", Question: question(), Until: entrustment.Date{Year: 2090, Month: 1, Day: 1}})
			return err
		},
		"request": func() error {
			_, err := e.Request(ctx, wire.RightsRequest{Check: goodCheck()})
			return err
		},
	}
}

// TestUninitialised: before its key ceremony a room takes nothing, from anybody, and
// says what is missing; the ceremony is held by who has the vault's key, its service
// ended. A room that is made as a dev vault, the twin, has its first caller as its
// operator.
func TestUninitialised(t *testing.T) {
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "V")
	o := Options{Officers: true, unconfined: true, Socket: "/run/awase/s"}
	e, err := Open(ctx, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	for what, act := range acts(t, e) {
		err := act()
		if refusal := wantCode(t, what, err, entrustment.CodeForbidden); !strings.Contains(refusal.Mend, "awase init") {
			t.Errorf("%s: the mend is %q", what, refusal.Mend)
		}
	}
	for _, r := range e.vault.Log().Records() {
		if r.Kind != kindRefusal && r.Kind != vault.KindClock {
			t.Errorf("a %s stands in the log", r.Kind)
		}
	}
	if room, err := e.Room(ctx); err != nil || room.Initialised || room.Officers || room.Operator != "" {
		t.Errorf("%+v, %v", room, err)
	}
	// What is no matter of who is in the room goes.
	if _, err := e.Rotate(ctx, wire.ByOfficer{}); err != nil {
		t.Error(err)
	}
	op := partyDoc(t, "operator", entrustment.ClassOperator, "op1", "op2")
	_, err = Init(ctx, dir, op, Options{})
	if refusal := wantCode(t, "a ceremony while it is served", err, entrustment.CodeForbidden); !strings.Contains(refusal.Mend, "end its service") {
		t.Errorf("the mend is %q", refusal.Mend)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Init(ctx, dir, op, Options{}); err != nil {
		t.Fatal(err)
	}
	_, err = Init(ctx, dir, partyDoc(t, "eve", entrustment.ClassOperator, "eve1", "eve2"), Options{})
	wantCode(t, "a second ceremony", err, entrustment.CodeForbidden)
	r := &signedRoom{dir: dir}
	r.reopen(t)
	defer func() { r.Close() }()
	r.must(t, r.party(t, partyDoc(t, "acme", entrustment.ClassClient, "ac1")), "op1", "op2")
	if room, err := r.Room(ctx); err != nil || !room.Initialised || !room.Officers || room.Operator != "operator" {
		t.Errorf("%+v, %v", room, err)
	}

	twin, err := Open(ctx, filepath.Join(t.TempDir(), "V"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer twin.Close()
	for _, what := range []string{"party", "gate", "policies"} {
		if err := acts(t, twin)[what](); err != nil {
			t.Errorf("%s, in a dev vault: %v: the test proves nothing", what, err)
		}
	}
	if twin.state.parties["eve"] == nil {
		t.Error("the first caller of a dev vault is not its operator")
	}
}

// TestUninitialisedUnconfined: where nothing confines the process no vault for
// officers is made, which it could not open.
func TestUninitialisedUnconfined(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "V")
	_, err := Open(t.Context(), dir, Options{Officers: true})
	wantCode(t, "unconfined", err, entrustment.CodeForbidden)
	if vault.Made(dir) {
		t.Error("a vault was made")
	}
}

// TestPractice: every release of a practice vault says that its people are made up,
// its receipt too, and it stays one; a vault in earnest is none.
func TestPractice(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "V")
	e, err := Open(ctx, dir, Options{Practice: true})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, e, "")
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if e, err = Open(ctx, dir, Options{}); err != nil { // whoever opens it
		t.Fatal(err)
	}
	defer func() { e.Close() }()
	r, err := e.Report(ctx, question())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := receipt.VerifyFile(raw, e.vault.Signer().Public())
	if err != nil || !claims.Practice || !claims.Dev || !r.Privacy.Practice || !strings.Contains(r.Privacy.Statement.JA, "架空") {
		t.Errorf("%+v, %+v, %v", claims, r.Privacy, err)
	}
	if room, err := e.Room(ctx); err != nil || !room.Practice || !room.Initialised || room.Officers {
		t.Errorf("%+v, %v", room, err)
	}
	// Taken out of the table, or of the receipt, it verifies no more.
	for _, cut := range []string{`"practice":true,`, `"practice": true,`} {
		for at := 0; ; {
			i := bytes.Index(raw[at:], []byte(cut))
			if i < 0 {
				break
			}
			forged := append(bytes.Clone(raw[:at+i]), raw[at+i+len(cut):]...)
			if _, err := receipt.VerifyFile(forged, nil); err == nil {
				t.Errorf("without the practice at %d it verifies", at+i)
			}
			at += i + len(cut)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	// The keys file does not make it another.
	keys := filepath.Join(dir, "keys")
	whole, err := os.ReadFile(keys)
	if err != nil {
		t.Fatal(err)
	}
	bare := bytes.Replace(whole, []byte("\n \"practice\": true,"), nil, 1)
	if err := os.WriteFile(keys, bare, 0o600); err != nil || bytes.Equal(bare, whole) {
		t.Fatal(err)
	}
	if _, err := Open(ctx, dir, Options{}); err == nil || errors.Is(err, vault.ErrLog) {
		t.Errorf("with the mark taken out it opens: %v", err)
	}
	if err := os.WriteFile(keys, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Init(ctx, dir, partyDoc(t, "operator", entrustment.ClassOperator, "op1", "op2"), Options{})
	wantCode(t, "a ceremony in a practice vault", err, entrustment.CodeForbidden)
	real := filepath.Join(t.TempDir(), "V")
	if e, err = Open(ctx, real, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(ctx, real, Options{Practice: true})
	wantCode(t, "practice in a vault in earnest", err, entrustment.CodeForbidden)
}
