package api_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"awase/api"
	"awase/crypto/receipt"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/apitest"
)

// Documents of these tests.
const (
	policiesDoc = `{"schema":"awase.policies/v1","policies":[{"version":"v2","date":"2024-01-29","clauses":{"5":["5-analysis"]}},{"version":"v1","date":"2019-04-01","clauses":{}}]}`
	evidence    = `"sha256:0000000000000000000000000000000000000000000000000000000000000000"`
)

// contractDoc is a contract of a client with the operator, as YAML.
func contractDoc(id, client string, change ...string) string {
	return strings.NewReplacer(change...).Replace(`# a contract
schema: awase.entrustment/v1
id: ` + id + `
flow: 5-analysis
principal: ` + client + `
trustee: operator
purpose: statistics
basis:
  - {party: operator, code: CONSENT_POLICY, policy: "v2", clauses: ["5"], evidence: ` + evidence + `}
  - {party: ` + client + `, code: CONSENT_27_1, evidence: ` + evidence + `}
identifiers: [email]
attributes: [age_band]
outputs: [overlap, profile]
recipients: [` + client + `]
countries: {` + client + `: JP, operator: JP}
retention: {lists: 90d, reports: 365d}
from: 2020-04-01
until: 2099-09-30
`)
}

// The people of these tests.
func of(party string, roles ...api.Role) api.Principal {
	return apitest.Person(party, roles...)
}

// everybody is a person with all roles at a party.
func everybody(party string) api.Principal { return of(party, api.Roles()...) }

const (
	asYAML = "application/yaml"
	asJSON = "application/json"
)

// furnished is a dev room with the operator, acme and rival, each client with one
// entrustment.
func furnished(t testing.TB, change ...func(*api.Options)) *apitest.Room {
	t.Helper()
	r := apitest.Start(t, change...)
	op := r.As(everybody(apitest.Operator))
	for id, class := range map[string]entrustment.PartyClass{apitest.Operator: entrustment.ClassOperator, "acme": entrustment.ClassClient, "rival": entrustment.ClassClient} {
		op.Do("PUT", "/v1/parties/"+id, apitest.Party(id, class)).Want(200)
	}
	op.Do("PUT", "/v1/policies", policiesDoc).Want(200)
	for _, client := range []string{"acme", "rival"} {
		op.Do("PUT", "/v1/entrustments/"+client+"-spring", contractDoc(client+"-spring", client), "Content-Type", asYAML).Want(200)
	}
	return r
}

type page[T any] struct {
	Items []T
	Next  string
}

// What the operator puts, it reads back; each client reads its own alone.
func TestRoom(t *testing.T) {
	r := furnished(t)
	op, acme := r.As(everybody(apitest.Operator)), r.As(of("acme", api.Viewer))
	var room struct {
		wire.Room
		Version string
	}
	acme.Do("GET", "/v1/room", nil).Want(200).JSON(&room)
	if room.Operator != apitest.Operator || !room.Initialised || room.Officers || room.Frozen || room.Version != "test" {
		t.Errorf("the room is %+v", room)
	}
	ids := func(c *apitest.Client, path string) (out []string) {
		var p page[struct {
			ID    string
			Party *entrustment.Party
		}]
		c.Do("GET", path, nil).Want(200).JSON(&p)
		for _, i := range p.Items {
			if i.Party != nil {
				i.ID = i.Party.ID
			}
			out = append(out, i.ID)
		}
		return out
	}
	for _, c := range []struct {
		who  *apitest.Client
		path string
		want []string
	}{
		{op, "/v1/parties", []string{"acme", "operator", "rival"}},
		{acme, "/v1/parties", []string{"acme", "operator"}},
		{op, "/v1/entrustments", []string{"acme-spring", "rival-spring"}},
		{acme, "/v1/entrustments", []string{"acme-spring"}},
		{r.As(everybody("stranger")), "/v1/entrustments", nil},
		{r.As(everybody("stranger")), "/v1/parties", nil},
	} {
		if got := ids(c.who, c.path); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.path, got, c.want)
		}
	}
	var info wire.EntrustmentInfo
	acme.Do("GET", "/v1/entrustments/acme-spring", nil).Want(200).JSON(&info)
	if info.State != "active" || len(info.Versions) != 1 || info.Versions[0].Contract.Principal != "acme" {
		t.Errorf("the entrustment is %+v", info)
	}
	op.Do("PUT", "/v1/entrustments/acme-spring", contractDoc("acme-spring", "acme", "[age_band]", "[age_band, gender]"), "Content-Type", asYAML).Want(200)
	acme.Do("GET", "/v1/entrustments/acme-spring", nil).Want(200).JSON(&info)
	if info.Version != 2 || len(info.Versions) != 2 || info.Versions[0].Version != 2 {
		t.Errorf("after an amendment it is %+v", info)
	}
	var p entrustment.Policies
	acme.Do("GET", "/v1/policies", nil).Want(200).JSON(&p)
	if len(p.Policies) != 2 {
		t.Errorf("the policies are %+v", p)
	}
	var ack wire.Ack
	op.Do("PUT", "/v1/policies", policiesDoc).Want(200).JSON(&ack)
	if ack.Changed || ack.Version != 1 {
		t.Errorf("the same policies again: %+v", ack)
	}
}

// Pages go through all rows once, whatever their size.
func TestRoomPages(t *testing.T) {
	r := furnished(t)
	op := r.As(everybody(apitest.Operator))
	for _, path := range []string{"/v1/parties?limit=1", "/v1/entrustments?limit=1", "/v1/log?all=true&limit=2"} {
		seen, cursor := []string{}, ""
		for range 50 {
			var p page[json.RawMessage]
			next := path
			if cursor != "" {
				next += "&cursor=" + cursor
			}
			op.Do("GET", next, nil).Want(200).JSON(&p)
			for _, i := range p.Items {
				seen = append(seen, string(i))
			}
			if cursor = p.Next; cursor == "" {
				break
			}
		}
		var whole page[json.RawMessage]
		op.Do("GET", strings.NewReplacer("limit=1", "limit=200", "limit=2", "limit=200").Replace(path), nil).Want(200).JSON(&whole)
		if len(seen) != len(whole.Items) || len(slices.Compact(slices.Sorted(slices.Values(seen)))) != len(seen) || cursor != "" || len(seen) < 2 {
			t.Errorf("%s: %d rows by pages, of %d", path, len(seen), len(whole.Items))
		}
	}
}

// The gate: what a document would change, and what it changed.
func TestRoomGate(t *testing.T) {
	r := furnished(t)
	op := r.As(everybody(apitest.Operator))
	doc := "schema: awase.gate/v1\nk: 60\n"
	var changes page[wire.GateChange]
	op.Do("POST", "/v1/gate/changes", doc, "Content-Type", asYAML).Want(200).JSON(&changes)
	if len(changes.Items) != 1 || changes.Items[0].Key != "k" || changes.Items[0].To.Value != "60" {
		t.Errorf("it would change %+v", changes)
	}
	var g wire.Gate
	op.Do("GET", "/v1/gate", nil).Want(200).JSON(&g)
	if g.Version != 0 {
		t.Errorf("a dry run set version %d", g.Version)
	}
	op.Do("PUT", "/v1/gate", doc, "Content-Type", asYAML).Want(200)
	r.As(of("acme", api.Viewer)).Do("GET", "/v1/gate", nil).Want(200).JSON(&g)
	if g.Version != 1 || !slices.Contains(g.Settings, wire.GateSetting{Key: "k", Value: "60"}) {
		t.Errorf("the gate is %+v", g)
	}
	op.Do("POST", "/v1/gate/changes", map[string]any{"schema": "awase.gate/v1", "k": 60}).Want(200).JSON(&changes)
	if len(changes.Items) != 0 {
		t.Errorf("what stands would change %+v", changes)
	}
}

// If-Match: what changed since it was read is not overwritten.
func TestRoomIfMatch(t *testing.T) {
	r := furnished(t)
	op := r.As(everybody(apitest.Operator))
	put := func(country string, header ...string) *apitest.Answer {
		p := apitest.Party("acme", entrustment.ClassClient)
		p.Country = country
		return op.Do("PUT", "/v1/parties/acme", p, header...)
	}
	read := op.Do("GET", "/v1/parties/acme", nil).Want(200)
	tag := read.Header.Get("ETag")
	if again := op.Do("GET", "/v1/parties/acme", nil, "If-None-Match", tag); again.Status != 304 || len(again.Body) > 0 || again.Header.Get("ETag") != tag {
		t.Errorf("what is there already: %d %q", again.Status, again.Body)
	}
	put("KR", "If-Match", tag).Want(200)
	put("US", "If-Match", tag).Want(412)
	put("US", "If-Match", "W/"+tag).Want(412)
	put("US", "If-None-Match", "*").Want(412)
	put("US", "If-Match", `"no", *`).Want(200)
	n := apitest.Party("new", entrustment.ClassClient)
	op.Do("PUT", "/v1/parties/new", n, "If-Match", "*").Want(412)
	op.Do("PUT", "/v1/parties/new", n, "If-None-Match", "*").Want(200)
	for path, doc := range map[string]string{"/v1/policies": policiesDoc, "/v1/gate": `{"schema":"awase.gate/v1","k":70}`} {
		tag := op.Do("GET", path, nil).Want(200).Header.Get("ETag")
		op.Do("PUT", path, doc, "If-Match", `"0"`).Want(412)
		op.Do("PUT", path, doc, "If-Match", tag).Want(200)
	}
}

// A document is refused by place and mend, in the form that it was sent in.
func TestRoomDocuments(t *testing.T) {
	r := furnished(t)
	op := r.As(everybody(apitest.Operator))
	for _, c := range []struct {
		name, path, media, body string
		status                  int
		has                     string
	}{
		{"a key of no document", "/v1/parties/acme", asYAML, "schema: awase.party/v1\nid: acme\nclasss: client\n", 422, `"field":"body:3:1"`},
		{"a key given twice", "/v1/parties/acme", asJSON, `{"schema":"awase.party/v1",` + "\n" + `"id":"a", "id":"acme"}`, 422, `given twice`},
		{"a key in capitals", "/v1/parties/acme", asJSON, `{"schema":"awase.party/v1","ID":"acme","class":"client","group":"acme","country":"JP"}`, 422, `E_DOCUMENT`},
		{"another id", "/v1/parties/acme", asJSON, `{"schema":"awase.party/v1","id":"rival","class":"client","group":"rival","country":"JP"}`, 422, `another id than the address`},
		{"another document", "/v1/parties/acme", asJSON, policiesDoc, 422, `this is a list of policy versions`},
		{"YAML said to be JSON", "/v1/policies", asJSON, "schema: awase.policies/v1\n", 422, `it is not JSON`},
		{"a form", "/v1/policies", "application/x-www-form-urlencoded", "schema=awase.policies/v1", 415, `application/yaml`},
		{"nothing", "/v1/policies", "", policiesDoc, 415, `application/yaml`},
		{"an empty body", "/v1/policies", asYAML, "", 422, `E_DOCUMENT`},
		{"an alias", "/v1/gate", asYAML, "schema: awase.gate/v1\nk: &a 50\nsigma: [*a]\n", 422, `body:2:`},
		{"under the least k", "/v1/gate", asYAML, "schema: awase.gate/v1\nk: 1\n", 413, `body`},
		{"a huge number", "/v1/gate", asJSON, `{"schema":"awase.gate/v1","k":` + strings.Repeat("9", 400) + `}`, 422, `body:1:`},
		{"text that is not UTF-8", "/v1/gate", asYAML, "schema: \xff\n", 422, `UTF-8`},
	} {
		a := op.Bad("PUT", c.path, c.body, "Content-Type", c.media)
		if a.Status != c.status || !strings.Contains(string(a.Body), c.has) {
			t.Errorf("%s: %d %s, want %d and %s", c.name, a.Status, a.Body, c.status, c.has)
		}
	}
}

// Terms are for the party that uploads, in the form that awase seal reads.
func TestRoomTerms(t *testing.T) {
	r := furnished(t)
	var terms struct{ Schema, Key, Fingerprint, Entrustment, Party string }
	r.As(of("acme", api.AdOps)).Do("GET", "/v1/entrustments/acme-spring/terms", nil).Want(200).JSON(&terms)
	if terms.Schema != "awase.terms/v1" || terms.Party != "acme" || terms.Entrustment != "acme-spring" || !strings.HasPrefix(terms.Key, "awase-seal-") || terms.Fingerprint == "" {
		t.Errorf("the terms are %+v", terms)
	}
	op := r.As(of(apitest.Operator, api.AdOps))
	if a := op.Do("GET", "/v1/entrustments/acme-spring/terms", nil).Want(403); !strings.Contains(string(a.Body), `of \"acme\"`) {
		t.Errorf("the operator is told %s", a.Body)
	}
	op.Do("GET", "/v1/bases/terms", nil).Want(200).JSON(&terms)
	if terms.Party != apitest.Operator {
		t.Errorf("the base's terms are %+v", terms)
	}
	r.As(of("acme", api.AdOps)).Do("GET", "/v1/bases/terms", nil).Want(403)
}

// An entrustment ends by its own side, confirmed, with a certificate that verifies.
func TestRoomEnd(t *testing.T) {
	r := furnished(t)
	acme := r.As(of("acme", api.Privacy))
	const path = "/v1/entrustments/acme-spring"
	acme.Do("GET", path+"/certificate", nil).Want(404)
	r.As(of("rival", api.Privacy)).Do("POST", path+"/end", map[string]string{"confirm": "acme-spring"}).Want(404)
	r.As(of("acme", api.AdOps)).Do("POST", path+"/end", map[string]string{"confirm": "acme-spring"}).Want(403)
	acme.Do("POST", path+"/end", map[string]string{"confirm": "acme"}).Want(422)
	var ask wire.ToSign
	acme.Do("GET", path+"/end", nil).Want(200).JSON(&ask)
	if ask.Statement != nil { // in a dev vault nobody signs
		t.Errorf("to sign: %+v", ask)
	}
	made := acme.Do("POST", path+"/end", map[string]string{"confirm": "acme-spring"}).Want(200)
	if _, err := receipt.VerifyDestruction(made.Body, nil); err != nil {
		t.Errorf("the certificate: %v\n%s", err, made.Body)
	}
	got := acme.Do("GET", path+"/certificate", nil).Want(200)
	if _, err := receipt.VerifyDestruction(got.Body, nil); err != nil {
		t.Errorf("read again: %v", err)
	}
	var list page[struct{ ID, State string }]
	acme.Do("GET", "/v1/entrustments", nil).Want(200).JSON(&list)
	if len(list.Items) != 1 || list.Items[0].State != "destroyed" {
		t.Errorf("the entrustments are %+v", list)
	}
	acme.Do("POST", path+"/end", map[string]string{"confirm": "acme-spring"}).Want(200) // again finishes what is left: nothing
	r.As(of("acme", api.AdOps)).Do("GET", path+"/terms", nil).Want(410)
}

// The log: its own to each, checkpoint and proofs that verify.
func TestRoomLog(t *testing.T) {
	r := furnished(t)
	acme, op := r.As(of("acme", api.Auditor)), r.As(of(apitest.Operator, api.Privacy))
	type logPage struct {
		page[wire.LogEntry]
		Size int64
	}
	var own, every logPage
	acme.Do("GET", "/v1/log", nil).Want(200).JSON(&own)
	op.Do("GET", "/v1/log?all=true", nil).Want(200).JSON(&every)
	if int64(len(every.Items)) != every.Size || len(own.Items) == 0 || len(own.Items) >= len(every.Items) {
		t.Errorf("%d entries of acme's, %d of %d for the operator", len(own.Items), len(every.Items), every.Size)
	}
	for _, e := range own.Items {
		if e.Party == "rival" || e.Entrustment == "rival-spring" {
			t.Errorf("acme reads %+v", e)
		}
	}
	acme.Do("GET", "/v1/log?all=true", nil).Want(403)
	r.As(of(apitest.Operator, api.Admin)).Do("GET", "/v1/log?all=true", nil).Want(403)
	var key struct{ Key string }
	acme.Do("GET", "/v1/log/key", nil).Want(200).JSON(&key)
	verifier, err := note.NewVerifier(key.Key)
	if err != nil {
		t.Fatal(err)
	}
	before := acme.Do("GET", "/v1/log/checkpoint", nil).Want(200)
	if _, err := note.Open(before.Body, note.VerifierList(verifier)); err != nil {
		t.Errorf("the checkpoint: %v\n%s", err, before.Body)
	}
	seq := own.Items[len(own.Items)-1]
	proof := acme.Do("GET", "/v1/log/entries/"+itoa(seq.Seq)+"/proof", nil).Want(200)
	in, size, err := receipt.VerifyInclusion(proof.Body, nil)
	if err != nil || in.Leaf != seq.Leaf || size != every.Size {
		t.Errorf("the proof of %+v: %+v of %d, %v", seq, in, size, err)
	}
	r.As(of(apitest.Operator, api.Admin)).Do("PUT", "/v1/parties/new", apitest.Party("new", entrustment.ClassClient)).Want(200)
	after := acme.Do("GET", "/v1/log/checkpoint", nil).Want(200)
	grew := acme.Do("GET", "/v1/log/proof?from="+itoa(every.Size), nil).Want(200)
	if _, _, err := receipt.CheckBetween(before.Body, after.Body, grew.Body, pub(in.Key)); err != nil {
		t.Errorf("the log only grew: %v", err)
	}
	acme.Do("GET", "/v1/log/proof?from=99999", nil).Want(422)
	acme.Do("GET", "/v1/log/entries/99999/proof", nil).Want(404)
}

// The ledger: of one's own group, or of all for the operator's officers.
func TestRoomLedger(t *testing.T) {
	r := furnished(t)
	var l wire.Ledger
	r.As(of("acme", api.Marketing)).Do("GET", "/v1/ledger", nil).Want(200).JSON(&l)
	if l.At == "" {
		t.Errorf("the ledger is %+v", l)
	}
	r.As(of(apitest.Operator, api.Privacy)).Do("GET", "/v1/ledger?officer=true", nil).Want(200).JSON(&l)
	r.As(of(apitest.Operator, api.Marketing)).Do("GET", "/v1/ledger?officer=true", nil).Want(403)
	r.As(of("acme", api.Privacy)).Do("GET", "/v1/ledger?officer=true", nil).Want(403)
	r.As(of("stranger", api.Privacy)).Do("GET", "/v1/ledger", nil).Want(404)
}

// What the enclave says of itself is for anybody, at both addresses.
func TestRoomAttestation(t *testing.T) {
	r := furnished(t)
	for _, path := range []string{"/v1/attestation", "/attestation"} {
		a := r.Nobody().Do("GET", path+"?nonce=n-1", nil).Want(200)
		got, err := receipt.VerifyAttestation(a.Body, "n-1", nil)
		if err != nil || !got.Dev {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
		r.Nobody().Bad("GET", path, nil).Want(422)
		r.Nobody().Bad("GET", path+"?nonce=a&nonce=b", nil).Want(422)
		r.Nobody().Bad("GET", path+"?nonce=a%20b", nil).Want(422)
	}
}

// TestRoomOfficers: drafts are signed over the network, freezes too; each party sees
// its own.
func TestRoomOfficers(t *testing.T) {
	r := apitest.StartSigned(t)
	op := r.As(everybody(apitest.Operator))
	propose := func(method, path string, doc any, header ...string) *wire.Draft {
		t.Helper()
		a := op.Do(method, path, doc, header...).Want(202)
		var ack wire.Ack
		a.JSON(&ack)
		if ack.Waits == nil || a.Header.Get("Location") != "/v1/drafts/"+ack.Waits.Hash {
			t.Fatalf("%s: %s %s", path, a.Header.Get("Location"), a.Body)
		}
		return ack.Waits
	}
	r.Approve(propose("PUT", "/v1/parties/acme", apitest.Party("acme", entrustment.ClassClient, "ac1", "ac2")), "op1", "op2")
	r.Approve(propose("PUT", "/v1/parties/rival", apitest.Party("rival", entrustment.ClassClient, "ri1", "ri2")), "op1", "op2")
	r.Approve(propose("PUT", "/v1/policies", policiesDoc), "op1", "op2")
	d := propose("PUT", "/v1/entrustments/acme-spring", contractDoc("acme-spring", "acme"), "Content-Type", asYAML)
	acme, rival := r.As(of("acme", api.Privacy)), r.As(of("rival", api.Privacy))
	var list page[wire.Draft]
	rival.Do("GET", "/v1/drafts", nil).Want(200).JSON(&list)
	if len(list.Items) != 0 {
		t.Errorf("rival sees %+v", list)
	}
	path := "/v1/drafts/" + d.Hash
	reviewed(t, r, path, acme, rival)
	key, sig := apitest.Approval(t, &d.Statement, "ac1")
	signed := map[string]any{"key": key, "signature": sig}
	rival.Do("GET", path, nil).Want(404)
	rival.Do("POST", path+"/approvals", signed).Want(404)
	var got wire.Draft
	acme.Do("GET", path, nil).Want(200).JSON(&got)
	// What is shown is what is signed, byte for byte.
	if h := sha256.Sum256(got.Document); hex.EncodeToString(h[:]) != got.Statement.Document || got.Statement != d.Statement {
		t.Errorf("the document is not the one of the statement: %s", got.Document)
	}
	var done wire.Approved
	acme.Do("POST", path+"/approvals", signed).Want(200).JSON(&done)
	if done.Effective || !slices.Equal(done.Needs, []string{"operator"}) {
		t.Errorf("one signature: %+v", done)
	}
	forged := map[string]any{"key": key, "signature": map[string]any{"ed25519": make([]byte, 64)}}
	if a := acme.Do("POST", path+"/approvals", forged); a.Status < 400 {
		t.Errorf("a forged signature: %d %s", a.Status, a.Body)
	}
	key, sig = apitest.Approval(t, &d.Statement, "op2")
	op.Do("POST", path+"/approvals", map[string]any{"key": key, "signature": sig}).Want(200).JSON(&done)
	if !done.Effective || done.Version != 1 {
		t.Errorf("both signatures: %+v", done)
	}
	acme.Do("GET", path, nil).Want(404)
	acme.Do("GET", "/v1/entrustments/acme-spring", nil).Want(200)
	amended(t, propose, op, acme, rival)

	// acme stops releases; whose officer did, rival is not told.
	var f wire.Freeze
	acme.Do("GET", "/v1/freeze", nil).Want(200).JSON(&f)
	s := *f.Statement
	s.Nonce, s.Expires = strings.Repeat("0", 32), later(t, f.Now)
	key, sig = apitest.Approval(t, &s, "ac1")
	acme.Bad("POST", "/v1/freeze", map[string]any{}).Want(403)
	acme.Do("POST", "/v1/freeze", wire.FreezeRequest{Statement: &s, Key: key, Signature: sig}).Want(200).JSON(&f)
	if !f.Frozen || f.Officer != "ac1" {
		t.Errorf("stopped: %+v", f)
	}
	var seen wire.Freeze
	rival.Do("GET", "/v1/freeze", nil).Want(200).JSON(&seen)
	if !seen.Frozen || seen.Party != "" || seen.Officer != "" {
		t.Errorf("rival sees %+v", seen)
	}
	rival.Do("POST", "/v1/freeze/lift", nil).Want(403)
	// The operator stops them too: whose that is, acme is not told.
	s = *f.Statement
	s.Nonce, s.Expires = strings.Repeat("0", 32), later(t, f.Now)
	key, sig = apitest.Approval(t, &s, "op1")
	op.Do("POST", "/v1/freeze", wire.FreezeRequest{Statement: &s, Key: key, Signature: sig}).Want(200).JSON(&f)
	if len(f.Stops) != 2 || f.Stops[0].Party != "acme" || f.Stops[1].Party != apitest.Operator || f.Stops[1].Officer != "op1" {
		t.Errorf("stopped by both: %+v", f)
	}
	f = wire.Freeze{}
	acme.Do("GET", "/v1/freeze", nil).Want(200).JSON(&f)
	if len(f.Stops) != 2 || f.Stops[0].Officer != "ac1" || f.Stops[1].Party != "" || f.Stops[1].Officer != "" {
		t.Errorf("acme sees %+v", f.Stops)
	}
	a := acme.Do("POST", "/v1/freeze/lift", nil).Want(202)
	var lift wire.Ack
	a.JSON(&lift)
	r.Approve(lift.Waits, "ac1", "op1")
	var after wire.Freeze
	acme.Do("GET", "/v1/freeze", nil).Want(200).JSON(&after)
	if after.Frozen {
		t.Errorf("after the lifting: %+v", after)
	}
	acme.Do("POST", "/v1/freeze/lift", nil).Want(404)

	// An officer of either side signs for the end of an entrustment, and nobody else.
	end := "/v1/entrustments/acme-spring/end"
	var ask wire.ToSign
	rival.Do("GET", end, nil).Want(404)
	acme.Do("GET", end, nil).Want(200).JSON(&ask)
	if ask.Statement == nil || !slices.Equal(ask.Parties, []string{"acme", "operator"}) {
		t.Fatalf("to sign: %+v", ask)
	}
	s = *ask.Statement
	s.Nonce, s.Expires = strings.Repeat("1", 32), later(t, ask.Now)
	endBy := func(officer string) map[string]any {
		key, sig := apitest.Approval(t, &s, officer)
		return map[string]any{"confirm": "acme-spring", "by": wire.ByOfficer{Statement: &s, Key: key, Signature: sig}}
	}
	acme.Do("POST", end, map[string]any{"confirm": "acme-spring"}).Want(403)
	acme.Do("POST", end, endBy("ri1")).Want(403)
	acme.Do("POST", end, endBy("ac2")).Want(200)
	acme.Do("GET", end, nil).Want(200).JSON(&ask)
	var clock wire.ClockState
	op.Do("POST", "/v1/clock/accept", nil).Want(200).JSON(&clock)
	if clock.Accepted != nil || clock.Waits != nil {
		t.Errorf("no jump waits: %+v", clock)
	}
}

// A dev room has no officers: who may, stops releases and lets them out.
func TestRoomFreezeUnsigned(t *testing.T) {
	r := furnished(t)
	acme, op := r.As(of("acme", api.Privacy)), r.As(of(apitest.Operator, api.Privacy))
	var f wire.Freeze
	acme.Do("POST", "/v1/freeze", map[string]any{}).Want(200).JSON(&f)
	if !f.Frozen {
		t.Errorf("stopped: %+v", f)
	}
	acme.Do("POST", "/v1/freeze/lift", nil).Want(403)
	op.Do("POST", "/v1/freeze/lift", nil).Want(200)
}

// What awase seal reads is what the service gives.
func TestTermsSeal(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dir+"/awase", "../cmd/awase").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r := furnished(t)
	terms := r.As(of("acme", api.AdOps)).Do("GET", "/v1/entrustments/acme-spring/terms", nil).Want(200)
	for name, text := range map[string]string{"terms.json": string(terms.Body), "list.csv": "email\nhana@example.jp\nsora@example.jp\n",
		"list.yaml": "schema: awase.list/v1\nregion: JP\ncolumns:\n  - {column: email, kind: email}\n"} {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), dir+"/awase", "seal", "--terms", "terms.json", "--name", "spring", "--schema", "list.yaml", "--out", "list.sealed", "list.csv")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if s, err := os.Stat(dir + "/list.sealed"); err != nil || s.Size() == 0 {
		t.Errorf("nothing was sealed: %v", err)
	}
}

// Without a store or an enclave that answer, the service is up and not ready.
func TestHealth(t *testing.T) {
	r := furnished(t)
	r.Nobody().Do("GET", "/healthz", nil).Want(200)
	r.Nobody().Do("GET", "/readyz", nil).Want(200)
	var die func()
	dead := apitest.Start(t, func(o *api.Options) { o.Enclave, die = served(t, o.Enclave) })
	die()
	dead.Nobody().Do("GET", "/healthz", nil).Want(200)
	a := dead.Nobody().Do("GET", "/readyz", nil).Want(http.StatusServiceUnavailable)
	if strings.Contains(string(a.Body), "enclave") {
		t.Errorf("strangers are told %s", a.Body)
	}
	if !strings.Contains(dead.Log.String(), `"what":"the enclave"`) {
		t.Errorf("the log does not say what is not ready: %s", dead.Log)
	}
}
