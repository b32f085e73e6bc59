package apitest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"awase/api"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

// What stands in a furnished room: three parties, the entrustment "spring" of
// acme to the operator, a base of 3,000 made-up users, half of them f, and acme's
// list "members" of the first 1,500. beta is a stranger to all that.
const (
	Operator    = "operator"
	Acme        = "acme"
	Beta        = "beta"
	Entrustment = "spring"
	List        = "members"

	users   = 3000
	listed  = 1500
	BaseDoc = `{"schema": "awase.base/v1", "region": "JP", "user_key": "id", "verified": "ok", "consent": {"version": "version", "date": "date"},
	"identifiers": [{"column": "email", "kind": "email"}],
	"attributes": [{"column": "sex", "name": "gender", "values": ["f", "m", "unknown"]}, {"column": "area", "name": "area", "values": ["east", "west", "unknown"]}]}`
	listDoc     = "schema: awase.list/v1\ncolumns:\n  - {column: email, kind: email}\n"
	contractDoc = `schema: awase.entrustment/v1
id: spring
flow: 5-analysis
principal: acme
trustee: operator
purpose: statistics
basis:
  - {party: operator, code: CONSENT_POLICY, policy: v2, clauses: ["5"], evidence: "sha256:2c5a2d3fbfd046c8adfed290a54d007d5432f663271e9ca9b43fd9d24d9c643c"}
  - {party: acme, code: CONSENT_27_1, scope: analysis, evidence: "sha256:60a936b316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289"}
identifiers: [email]
attributes: [gender, area]
outputs: [overlap, profile, size, cube]
recipients: [acme]
countries: {acme: JP}
retention: {lists: 90d, reports: 365d}
from: 2020-01-01
until: 2096-12-31
`
	eventsDoc   = "schema: awase.events/v1\ntime: {column: at, zone: UTC}\nuser_key: user\nkind: page_view\ncategory: {column: page, values: [job, company]}\n"
	policiesDoc = "schema: awase.policies/v1\npolicies:\n  - {version: v2, date: 2024-01-29, clauses: {\"5\": [5-analysis]}}\n"
)

// Furnish gives a room what the constants say. gate: more lines of gate.yaml.
func (r *Room) Furnish(gate ...string) {
	t, ctx := r.t, r.t.Context()
	t.Helper()
	for _, of := range [][2]string{{Operator, "operator"}, {Acme, "client"}, {Beta, "client"}} { // in one order: two rooms are twins
		id, class := of[0], of[1]
		doc := fmt.Sprintf("schema: awase.party/v1\nid: %s\nclass: %s\ngroup: %s\ncountry: JP\n", id, class, id)
		if _, err := r.Enclave.AddParty(ctx, parse(t, entrustment.ParseParty, doc)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := r.Enclave.SetPolicies(ctx, parse(t, entrustment.ParsePolicies, policiesDoc))
	if err != nil {
		t.Fatal(err)
	}
	doc := "schema: awase.gate/v1\n" + strings.Join(gate, "\n")
	if !strings.Contains(doc, "\ntick:") {
		doc += "\ntick: 1s"
	}
	if _, err := r.Enclave.SetGate(ctx, "gate.yaml", []byte(doc)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Enclave.Entrust(ctx, parse(t, entrustment.ParseContract, contractDoc)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Enclave.LoadBase(ctx, parse(t, entrustment.ParseBaseSchema, BaseDoc), bytes.NewReader(r.SealedBase(users))); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Enclave.LoadList(ctx, wire.ListRequest{Entrustment: Entrustment, Name: List}, bytes.NewReader(r.SealedList(List, listed))); err != nil {
		t.Fatal(err)
	}
}

func parse[T any](t testing.TB, f func(string, []byte) (*T, error), doc string) *T {
	t.Helper()
	v, err := f("doc.yaml", []byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// SealedBase is a base of n users as the desk seals it.
func (r *Room) SealedBase(n int) []byte {
	r.t.Helper()
	var b bytes.Buffer
	b.WriteString("id,ok,version,date,sex,area,email\n")
	for i := range n {
		fmt.Fprintf(&b, "u%d,true,v2,2024-02-01,%s,%s,taro.%d@example.jp\n", i, [2]string{"f", "m"}[i%2], [2]string{"east", "west"}[i/2%2], i)
	}
	f, err := intake.OpenBase(r.t.Context(), bytes.NewReader(b.Bytes()), int64(b.Len()), parse(r.t, entrustment.ParseBaseSchema, BaseDoc), intake.Options{Name: "users.csv"})
	if err != nil {
		r.t.Fatal(err)
	}
	return r.sealed(seal.BaseEntrustment, "", seal.BaseName, f.Header(), f.Rows())
}

// SealedList is a list of the first n users as acme's desk seals it.
func (r *Room) SealedList(name string, n int) []byte {
	r.t.Helper()
	return r.SealedPart(Entrustment, name, 0, n)
}

// SealedPart is a list of the users from one to before another, those who are none
// included, as the desk of who uploads under an entrustment seals it.
func (r *Room) SealedPart(under, name string, from, to int) []byte {
	r.t.Helper()
	var b bytes.Buffer
	b.WriteString("email\n")
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "taro.%d@example.jp\n", i)
	}
	return r.SealedTable(under, name, listDoc, b.Bytes())
}

// SealedTable is a CSV list as the desk of who uploads under an entrustment seals it by
// a list.yaml.
func (r *Room) SealedTable(under, name, schema string, csv []byte) []byte {
	r.t.Helper()
	f, err := intake.OpenList(r.t.Context(), bytes.NewReader(csv), int64(len(csv)), parse(r.t, entrustment.ParseListSchema, schema), intake.Options{Name: "list.csv"})
	if err != nil {
		r.t.Fatal(err)
	}
	return r.sealed(under, "", name, f.Header(), f.Rows())
}

// SealedEvents is a log of page views of the operator's own, one of each of the
// first n users.
func (r *Room) SealedEvents(n int) []byte {
	r.t.Helper()
	var b bytes.Buffer
	b.WriteString("at,user,page\n")
	for i := range n {
		fmt.Fprintf(&b, "2026-03-0%dT09:00:00Z,u%d,%s\n", 1+i%9, i, [2]string{"job", "company"}[i%2])
	}
	return r.SealedLog(seal.BaseEntrustment, eventsDoc, b.Bytes())
}

// SealedLog is a CSV log as the desk of who uploads under an entrustment seals it by an
// events.yaml.
func (r *Room) SealedLog(under, schema string, csv []byte) []byte {
	r.t.Helper()
	return r.sealedLog(under, "", schema, csv)
}

// sealedLog is SealedLog, of a party; "": of that whose lists are joined.
func (r *Room) sealedLog(under, party, schema string, csv []byte) []byte {
	r.t.Helper()
	f, err := intake.OpenEvents(r.t.Context(), bytes.NewReader(csv), int64(len(csv)), parse(r.t, entrustment.ParseEventSchema, schema), intake.Options{Name: "events.csv", Today: entrustment.DateOf(time.Now())})
	if err != nil {
		r.t.Fatal(err)
	}
	return r.sealed(under, party, seal.EventsName, f.Header(), f.Rows())
}

// SealedRequest is a request of the person with these user keys, as the privacy desk
// seals it.
func (r *Room) SealedRequest(kind seal.RequestKind, keys ...string) []byte {
	r.t.Helper()
	raw := make([][]byte, len(keys))
	for i, k := range keys {
		raw[i] = []byte(k)
	}
	rows, err := seal.RequestOf(raw)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.sealed(seal.BaseEntrustment, "", seal.RequestName, seal.Header{Purpose: seal.Request, Asks: kind}, func(yield func([]seal.Row, error) bool) { yield(rows, nil) })
}

func (r *Room) sealed(under, party, name string, h seal.Header, rows seal.Rows) []byte {
	t := r.t
	t.Helper()
	terms, err := r.Enclave.Terms(t.Context(), under)
	if err == nil {
		terms, err = terms.LogsOf(party)
	}
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := seal.NewWriter(&b, terms.Key, seal.Address{Entrustment: terms.Entrustment, Version: terms.Version, Party: terms.Party, Name: name, Upload: seal.NewUpload()}, h, seal.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for batch, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(batch); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Metadata says what an upload is for.
func Metadata(under, name string) string {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	return "entrustment " + b64(under) + ",name " + b64(name)
}

// Upload sends a sealed file, and gives the upload's id.
func (c *Client) Upload(under, name string, sealed []byte) string {
	t := c.room.t
	t.Helper()
	a := c.Do(http.MethodPost, "/v1/uploads", nil, "Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(len(sealed)), "Upload-Metadata", Metadata(under, name)).Want(http.StatusCreated)
	at := a.Header.Get("Location")
	c.Do(http.MethodPatch, at, sealed, "Content-Type", "application/offset+octet-stream", "Tus-Resumable", "1.0.0", "Upload-Offset", "0").Want(http.StatusNoContent)
	return at[strings.LastIndexByte(at, '/')+1:]
}

// Person is somebody of a party with roles: somebody else for other roles.
func Person(party string, roles ...api.Role) api.Principal {
	id := "per-" + party
	for _, r := range roles {
		id += "-" + string(r)
	}
	return api.Principal{Person: id, Party: party, Roles: roles, Operator: party == Operator}
}

// Question is a question of the furnished room, as JSON; more: its other members.
func Question(report string, more string) string {
	q := fmt.Sprintf(`{"schema": "awase.report/v1", "report": %q, "entrustment": %q, "list": %q`, report, Entrustment, List)
	if more != "" {
		q += ", " + more
	}
	return q + "}"
}
