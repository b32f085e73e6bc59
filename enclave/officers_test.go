package enclave

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"awase/crypto/approval"
	"awase/crypto/receipt"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// officerKey gives the key of an officer of these tests, by a name of any kind.
func officerKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func publicKey(name string) string {
	return approval.FormatKey(officerKey(name).Public().(ed25519.PublicKey))
}

// partyDoc is a party whose officers have keys of the given names, the first of
// name a, the next b.
func partyDoc(t *testing.T, id string, class entrustment.PartyClass, keys ...string) *entrustment.Party {
	t.Helper()
	p := &entrustment.Party{Schema: entrustment.SchemaParty, ID: id, Class: class, Group: id, Country: "JP"}
	for i, k := range keys {
		p.Officers = append(p.Officers, entrustment.Officer{Name: string(rune('a' + i)), Key: publicKey(k)})
	}
	return p
}

// signedRoom is a vault with the operator's officers op1 and op2, and acme's ac1
// and ac2, whose clock the test moves.
type signedRoom struct {
	*Enclave
	dir    string
	ahead  time.Duration
	counts func(matcher.Engine) matcher.Engine
}

func (r *signedRoom) options() Options {
	return Options{Now: func() time.Time { return time.Now().Add(r.ahead) }, counts: r.counts, unconfined: true, Outbox: r.dir + vault.OutboxDir}
}

func (r *signedRoom) reopen(t *testing.T) {
	t.Helper()
	if r.Enclave != nil {
		r.Close()
	}
	e, err := Open(t.Context(), r.dir, r.options())
	if err != nil {
		t.Fatal(err)
	}
	r.Enclave = e
}

// newSignedRoom makes the ceremony, and adds acme by it.
func newSignedRoom(t *testing.T, set ...func(*signedRoom)) *signedRoom {
	t.Helper()
	r := &signedRoom{dir: filepath.Join(t.TempDir(), "V")}
	for _, f := range set {
		f(r)
	}
	if _, err := Init(t.Context(), r.dir, partyDoc(t, "operator", entrustment.ClassOperator, "op1", "op2"), r.options()); err != nil {
		t.Fatal(err)
	}
	r.reopen(t)
	t.Cleanup(func() { r.Close() })
	r.must(t, r.party(t, partyDoc(t, "acme", entrustment.ClassClient, "ac1", "ac2")), "op1", "op2")
	return r
}

// party drafts a party's document, and so on for the other acts.
func (r *signedRoom) party(t *testing.T, p *entrustment.Party) *wire.Draft {
	t.Helper()
	return r.waitsFor(t)(r.AddParty(t.Context(), p))
}

func (r *signedRoom) gateDoc(t *testing.T, text string) *wire.Draft {
	t.Helper()
	return r.waitsFor(t)(r.SetGate(t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\n"+text)))
}

func (r *signedRoom) contractDoc(t *testing.T, change func(*entrustment.Contract)) *wire.Draft {
	t.Helper()
	c := parse(t, entrustment.ParseContract, oracleContract)
	if change != nil {
		change(c)
	}
	return r.waitsFor(t)(r.Entrust(t.Context(), c))
}

func (r *signedRoom) waitsFor(t *testing.T) func(wire.Ack, error) *wire.Draft {
	return func(a wire.Ack, err error) *wire.Draft {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if a.Waits == nil {
			t.Fatalf("%+v took effect without a signature", a)
		}
		return a.Waits
	}
}

// signs makes an approval as awase approve does, over what the room has signed.
func (r *signedRoom) approval(t *testing.T, d *wire.Draft, key string) wire.Approval {
	t.Helper()
	message, err := r.message(&d.Statement)
	if err != nil {
		t.Fatal(err)
	}
	return wire.Approval{Draft: d.Hash, Key: publicKey(key), Signature: approval.Sign(officerKey(key), message)}
}

func (r *signedRoom) approve(t *testing.T, d *wire.Draft, key string) (wire.Approved, error) {
	t.Helper()
	return r.Approve(t.Context(), r.approval(t, d, key))
}

// must approves a draft by all of the keys, the last of which makes it effective.
func (r *signedRoom) must(t *testing.T, d *wire.Draft, keys ...string) wire.Approved {
	t.Helper()
	var out wire.Approved
	for i, k := range keys {
		var err error
		if out, err = r.approve(t, d, k); err != nil {
			t.Fatalf("%s of %s by %s: %v", d.Statement.Act, d.Statement.ID, k, err)
		}
		if out.Effective != (i == len(keys)-1) {
			t.Fatalf("%s by %s: %+v", d.Statement.Act, k, out)
		}
	}
	return out
}

// furnishSigned gives the room policies, a contract and people.
func (r *signedRoom) furnish(t *testing.T) {
	t.Helper()
	policies := parse(t, entrustment.ParsePolicies, "schema: awase.policies/v1\npolicies:\n  - {version: v2, date: 2024-01-29, clauses: {\"5\": [5-analysis]}}\n  - {version: v1, date: 2019-04-01, clauses: {}}\n")
	r.must(t, r.waitsFor(t)(r.SetPolicies(t.Context(), policies)), "op1", "op2")
	r.must(t, r.contractDoc(t, nil), "ac1", "op1")
	r.must(t, r.gateDoc(t, "tick: 1s\n"), "op2", "op1")
}

// without takes a control out.
func (r *signedRoom) without(t *testing.T, names ...string) {
	t.Helper()
	before := len(r.controls)
	r.controls = slices.DeleteFunc(slices.Clone(r.controls), func(c control) bool { return slices.Contains(names, c.name) })
	if len(r.controls) != before-len(names) {
		t.Fatalf("no controls %v", names)
	}
}

// TestBothParties: an entrustment takes an officer of each party whose people are
// joined; two of one party are not enough, and the parties' own are.
func TestBothParties(t *testing.T) {
	r := newSignedRoom(t)
	policies := parse(t, entrustment.ParsePolicies, "schema: awase.policies/v1\npolicies:\n  - {version: v2, date: 2024-01-29, clauses: {\"5\": [5-analysis]}}\n")
	r.must(t, r.waitsFor(t)(r.SetPolicies(t.Context(), policies)), "op1", "op2")
	d := r.contractDoc(t, nil)
	if !slices.Equal(d.Parties, []string{"acme", "operator"}) || !slices.Equal(d.Needs, d.Parties) {
		t.Errorf("%v sign, %v yet", d.Parties, d.Needs)
	}
	for _, key := range []string{"op1", "op2"} {
		out, err := r.approve(t, d, key)
		if err != nil || out.Effective || !slices.Equal(out.Needs, []string{"acme"}) {
			t.Fatalf("by the operator alone: %+v, %v", out, err)
		}
	}
	if _, err := r.contract("e"); err == nil {
		t.Fatal("the entrustment is active")
	}
	if out, err := r.approve(t, d, "ac2"); err != nil || !out.Effective || out.Version != 1 {
		t.Fatalf("by both: %+v, %v", out, err)
	}
	if _, err := r.contract("e"); err != nil {
		t.Fatal(err)
	}
	// The twin: were the operator alone concerned, it would let itself in.
	twin := newSignedRoom(t)
	twin.concerns = func(string, json.RawMessage) ([]string, error) { return []string{"operator"}, nil }
	twin.must(t, twin.waitsFor(t)(twin.SetPolicies(t.Context(), policies)), "op1", "op2")
	twin.must(t, twin.contractDoc(t, nil), "op1", "op2")
	if _, err := twin.contract("e"); err != nil {
		t.Errorf("without the control: %v", err)
	}
	// It stays so, and all that is signed is in the log.
	r.reopen(t)
	if c, err := r.contract("e"); err != nil || c.Version != 1 {
		t.Errorf("after a restart: %v", err)
	}
	// An amendment, by acme alone, then by both.
	d = r.contractDoc(t, func(c *entrustment.Contract) { c.MaxListRows = 5000 })
	if d.Statement.Version != 2 || d.Before == nil {
		t.Errorf("the amendment is %+v", d.Statement)
	}
	if out, err := r.approve(t, d, "ac1"); err != nil || out.Effective {
		t.Errorf("by acme alone: %+v, %v", out, err)
	}
	r.reopen(t) // in between
	if out, err := r.approve(t, d, "op1"); err != nil || !out.Effective || out.Version != 2 {
		t.Errorf("by both: %+v, %v", out, err)
	}
	if ds, err := r.Drafts(t.Context()); err != nil || len(ds) != 0 {
		t.Errorf("%d drafts wait: %v", len(ds), err)
	}
}

// TestNobodyToSign: an act that needs a party's officers is refused where it has
// none, and said how to mend.
func TestNobodyToSign(t *testing.T) {
	r := newSignedRoom(t)
	r.must(t, r.party(t, partyDoc(t, "beta", entrustment.ClassClient)), "op1", "op2")
	policies := parse(t, entrustment.ParsePolicies, "schema: awase.policies/v1\npolicies:\n  - {version: v2, date: 2024-01-29, clauses: {\"5\": [5-analysis]}}\n")
	r.must(t, r.waitsFor(t)(r.SetPolicies(t.Context(), policies)), "op1", "op2")
	c := parse(t, entrustment.ParseContract, oracleContract)
	c.Principal, c.Basis[1].Party, c.Recipients = "beta", "beta", []string{"beta"}
	c.Countries = map[string]entrustment.Country{"beta": {Country: "JP"}}
	_, err := r.Entrust(t.Context(), c)
	if e := wantCode(t, "nobody signs for beta", err, entrustment.CodeForbidden); e.Field != "officers" {
		t.Errorf("%v", e)
	}
	// A party that has officers signs for its own document.
	d := r.party(t, partyDoc(t, "acme", entrustment.ClassClient, "ac1", "ac3"))
	for _, key := range []string{"op1", "op2"} {
		if out, err := r.approve(t, d, key); err != nil || out.Effective {
			t.Errorf("acme's keys are replaced by the operator: %+v, %v", out, err)
		}
	}
	if out, err := r.approve(t, d, "ac2"); err != nil || !out.Effective {
		t.Errorf("…with acme: %+v, %v", out, err)
	}
}

// TestOfficersKeys: what may not be a party's officers, and what comes of it
// where it may.
func TestOfficersKeys(t *testing.T) {
	for name, c := range map[string]struct {
		rule string
		doc  func(t *testing.T) *entrustment.Party
		harm func(t *testing.T, r *signedRoom) bool // of the twin
	}{
		"another's key": {"a key is one officer's", func(t *testing.T) *entrustment.Party {
			return partyDoc(t, "beta", entrustment.ClassClient, "ac1")
		}, func(t *testing.T, r *signedRoom) bool { // acme's officer is not one any more
			_, err := r.approve(t, r.party(t, partyDoc(t, "acme", entrustment.ClassClient, "ac1", "ac3")), "ac1")
			return err != nil
		}},
		"no officer of the operator": {"officers stay", func(t *testing.T) *entrustment.Party {
			return partyDoc(t, "operator", entrustment.ClassOperator)
		}, func(t *testing.T, r *signedRoom) bool { // nothing can be signed any more
			_, err := r.SetGate(t.Context(), "gate.yaml", []byte("schema: awase.gate/v1\nk: 60\n"))
			return err != nil
		}},
		"a key for which anybody signs": {"keys are keys", func(t *testing.T) *entrustment.Party {
			p := partyDoc(t, "beta", entrustment.ClassClient, "be1")
			p.Officers[0].Key = approval.FormatKey(make([]byte, 32))
			return p
		}, func(t *testing.T, r *signedRoom) bool { return r.state.hasOfficers("beta") }},
	} {
		t.Run(name, func(t *testing.T) {
			r := newSignedRoom(t)
			_, err := r.AddParty(t.Context(), c.doc(t))
			wantCode(t, name, err, entrustment.CodeForbidden)
			before := len(r.partyRules)
			r.partyRules = slices.DeleteFunc(slices.Clone(r.partyRules), func(p partyRule) bool { return p.name == c.rule })
			if len(r.partyRules) != before-1 {
				t.Fatalf("no rule %q", c.rule)
			}
			r.must(t, r.party(t, c.doc(t)), "op1", "op2")
			if !c.harm(t, r) {
				t.Error("without the rule nothing is harmed")
			}
		})
	}
}

// TestDrafts: the same act is one draft, all that wait are shown with what they
// replace, and there is a limit.
func TestDrafts(t *testing.T) {
	r := newSignedRoom(t)
	r.must(t, r.gateDoc(t, "k: 60\n"), "op1", "op2")
	d := r.gateDoc(t, "k: 70\n")
	entries := len(r.vault.Log().Records())
	if again := r.gateDoc(t, "k: 70\n"); again.Hash != d.Hash || len(r.vault.Log().Records()) != entries {
		t.Errorf("drafted again: %s, then %s", d.Hash, again.Hash)
	}
	if _, err := r.approve(t, d, "op2"); err != nil {
		t.Fatal(err)
	}
	r.reopen(t)
	ds, err := r.Drafts(t.Context())
	if err != nil || len(ds) != 1 {
		t.Fatalf("%d drafts, %v", len(ds), err)
	}
	got := ds[0]
	message, err := got.Statement.Message()
	if err != nil || approval.Hash(message) != got.Hash || documentHash(got.Document) != got.Statement.Document || documentHash(got.Before) != got.Statement.Replaces {
		t.Errorf("what is shown is not what is signed: %+v, %v", got, err)
	}
	if len(got.Signed) != 1 || got.Signed[0].Officer != "b" || !slices.Equal(got.Needs, []string{"operator"}) {
		t.Errorf("signed by %v, needs %v", got.Signed, got.Needs)
	}
	// The gate as it was is no act, and nothing that needs signing.
	if ack, err := r.SetGate(t.Context(), "g", []byte("schema: awase.gate/v1\nk: 60\n")); err != nil || ack.Changed || ack.Waits != nil {
		t.Errorf("the gate in force: %+v, %v", ack, err)
	}
	for i := range maxDrafts - 1 {
		r.gateDoc(t, fmt.Sprintf("k: %d\n", 100+i))
	}
	_, err = r.SetGate(t.Context(), "g", []byte("schema: awase.gate/v1\nk: 99\n"))
	wantCode(t, "one draft more", err, entrustment.CodeLimit)
	r.ahead += draftLife
	r.gateDoc(t, "k: 99\n") // the others lapsed
}

// TestCeremony: who may make a vault, and that it is made once, whole, and not
// turned into another by who writes its files.
func TestCeremony(t *testing.T) {
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "V")
	for what, p := range map[string]*entrustment.Party{
		"a client":        partyDoc(t, "acme", entrustment.ClassClient, "a", "b"),
		"one officer":     partyDoc(t, "operator", entrustment.ClassOperator, "a"),
		"a key that none": {Class: entrustment.ClassOperator, Officers: []entrustment.Officer{{Name: "a", Key: publicKey("a")}, {Name: "b", Key: approval.FormatKey(make([]byte, 32))}}},
	} {
		_, err := Init(ctx, dir, p, Options{})
		wantCode(t, what, err, entrustment.CodeForbidden)
	}
	op := partyDoc(t, "operator", entrustment.ClassOperator, "op1", "op2")
	id, err := Init(ctx, dir, op, Options{})
	if err != nil || len(id) != 32 {
		t.Fatalf("%q, %v", id, err)
	}
	_, err = Init(ctx, dir, partyDoc(t, "operator", entrustment.ClassOperator, "eve1", "eve2"), Options{})
	wantCode(t, "a second ceremony", err, entrustment.CodeForbidden)
	e, err := Open(ctx, dir, Options{unconfined: true})
	if err != nil || e.vault.Dev() || !sameJSON(e.state.parties["operator"], op) {
		t.Fatalf("the vault: %v", err)
	}
	key, signer := e.vault.Subkey("record log"), e.vault.Signer()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	// Nobody who writes the disk and has no key swaps an officer's.
	log := filepath.Join(dir, "log")
	raw, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	swapped := bytes.Replace(raw, []byte(publicKey("op1")), []byte(publicKey("eve1")), 1)
	if bytes.Equal(raw, swapped) {
		t.Fatal("the log does not hold the key")
	}
	if err := os.WriteFile(log, swapped, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, dir, Options{unconfined: true}); !errors.Is(err, vault.ErrLog) {
		t.Errorf("a swapped key: %v", err)
	}
	// The twin: with the root secret, which only the vault's key opens, it is.
	if err := os.WriteFile(log, resealed(t, dir, swapped, key, signer), 0o600); err != nil {
		t.Fatal(err)
	}
	if e, err = Open(ctx, dir, Options{unconfined: true}); err != nil || e.state.parties["operator"].Officers[0].Key != publicKey("eve1") {
		t.Fatalf("with the root secret: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	// A ceremony that was cut short leaves a vault that does nothing, and no dev
	// vault; it is done again.
	short := filepath.Join(t.TempDir(), "S")
	v, err := openVault(ctx, short, Options{Officers: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if e, err = Open(ctx, short, Options{unconfined: true}); err != nil {
		t.Fatal(err)
	}
	_, err = e.AddParty(ctx, op)
	wantCode(t, "a ceremony cut short", err, entrustment.CodeForbidden)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Init(ctx, short, op, Options{}); err != nil {
		t.Errorf("done again: %v", err)
	}
	dev := filepath.Join(t.TempDir(), "D")
	e, err = Open(ctx, dev, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Init(ctx, dev, op, Options{})
	wantCode(t, "a dev vault", err, entrustment.CodeForbidden)
}

// resealed writes the MACs of a log's lines, and its checkpoint, anew.
func resealed(t *testing.T, dir string, log []byte, key [32]byte, signer *receipt.Signer) (out []byte) {
	t.Helper()
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(at []int64) (got []tlog.Hash, err error) {
		for _, i := range at {
			got = append(got, hashes[i])
		}
		return got, nil
	})
	n := int64(0)
	for line := range bytes.Lines(log) {
		_, entry, _ := bytes.Cut(bytes.TrimRight(line, "\n"), []byte{' '})
		mac := hmac.New(sha256.New, key[:])
		mac.Write(entry)
		out = fmt.Appendf(out, "%x %s\n", mac.Sum(nil), entry)
		more, err := tlog.StoredHashes(n, entry, reader)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, more...)
		n++
	}
	tree, err := tlog.TreeHash(n, reader)
	if err != nil {
		t.Fatal(err)
	}
	note, err := signer.Checkpoint(n, tree)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir+".checkpoint", "checkpoint"), note, 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestPasskeyOfficer: a passkey signs beside a key file, over the same hash that
// the other officer reads, and only from the page that it was pinned for.
func TestPasskeyOfficer(t *testing.T) {
	const origin, rp = "https://room.example.jp", "room.example.jp"
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	// {1: 2, 3: -7, -1: 1, -2: x, -3: y} in CTAP2's canonical CBOR.
	cose := slices.Concat([]byte{0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20}, point[1:33], []byte{0x22, 0x58, 0x20}, point[33:])
	text := approval.PasskeyPrefix + base64.StdEncoding.EncodeToString(cose)
	assert := func(hash, page string) approval.Signature {
		challenge, err := hex.DecodeString(hash)
		if err != nil {
			t.Fatal(err)
		}
		data := fmt.Appendf(nil, `{"type":"webauthn.get","challenge":%q,"origin":%q,"crossOrigin":false}`, base64.RawURLEncoding.EncodeToString(challenge), page)
		id, client := sha256.Sum256([]byte(rp)), sha256.Sum256(data)
		auth := slices.Concat(id[:], []byte{0x1d, 0, 0, 0, 0})
		digest := sha256.Sum256(slices.Concat(auth, client[:]))
		sig, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return approval.Signature{Assertion: &approval.Assertion{ClientData: data, AuthenticatorData: auth, Signature: sig}}
	}
	r := newSignedRoom(t)
	p := partyDoc(t, "operator", entrustment.ClassOperator, "op1", "op2")
	p.Officers = append(p.Officers, entrustment.Officer{Name: "passkey", Key: text, Origin: "https://Room.example.jp"})
	_, err = r.AddParty(t.Context(), p)
	wantCode(t, "an origin that no browser writes", err, entrustment.CodeForbidden)
	p.Officers[2].Origin = origin
	r.must(t, r.party(t, p), "op1", "op2")
	d, other := r.gateDoc(t, "k: 60\n"), r.gateDoc(t, "k: 20\n")
	for what, s := range map[string]approval.Signature{"another draft": assert(other.Hash, origin), "another page": assert(d.Hash, "https://room.example.com"), "none": {}} {
		_, err := r.Approve(t.Context(), wire.Approval{Draft: d.Hash, Key: text, Signature: s})
		wantCode(t, what, err, entrustment.CodeForbidden)
	}
	if out, err := r.Approve(t.Context(), wire.Approval{Draft: d.Hash, Key: text, Signature: assert(d.Hash, origin)}); err != nil || out.Effective {
		t.Fatalf("by a passkey: %+v, %v", out, err)
	}
	r.reopen(t)
	if out, err := r.approve(t, d, "op2"); err != nil || !out.Effective || r.gate.Policy().K != 60 {
		t.Errorf("by a key file after it: %+v, %v", out, err)
	}
	// Once it is replaced, evidence still has the page that it signed on, to be verified by.
	r.furnish(t)
	d = r.contractDoc(t, func(c *entrustment.Contract) { c.Outputs = c.Outputs[:1] })
	if out, err := r.Approve(t.Context(), wire.Approval{Draft: d.Hash, Key: text, Signature: assert(d.Hash, origin)}); err != nil || out.Effective {
		t.Fatalf("a contract by a passkey: %+v, %v", out, err)
	}
	r.must(t, d, "ac1")
	r.must(t, r.party(t, partyDoc(t, "operator", entrustment.ClassOperator, "op1", "op2")), "op1", "op2")
	f, raw := evidenceOf(t, r.Enclave, wire.EvidenceRequest{Entrustment: "e"})
	if a := f.Contracts[1].Approvals; len(a) != 2 || a[0].Key != text || a[0].Origin != origin {
		t.Errorf("%s", raw)
	}
}
