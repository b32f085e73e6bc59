package enclave

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

// sealedList seals n of a crowd as list l of entrustment e.
func sealedList(t *testing.T, e *Enclave, n int) []byte {
	t.Helper()
	_, rows := crowd(n)
	data := rowsCSV(rows)
	f, err := intake.OpenList(t.Context(), bytes.NewReader(data), int64(len(data)), parse(t, entrustment.ParseListSchema, oracleList), intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(sealed(t, e, "e", "l", f.Header(), f.Rows()))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func sealedBase(t *testing.T, e *Enclave, n int) []byte {
	t.Helper()
	users, _ := crowd(n)
	data := usersCSV(rand.New(rand.NewPCG(3, 3)), users)
	f, err := intake.OpenBase(t.Context(), bytes.NewReader(data), int64(len(data)), parse(t, entrustment.ParseBaseSchema, oracleBase), intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(sealed(t, e, seal.BaseEntrustment, seal.BaseName, f.Header(), f.Rows()))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestNoWayBack is A31 over time: a sealed file whose content was there already
// is used up all the same, so nobody brings the old content back with it.
func TestNoWayBack(t *testing.T) {
	e := openCrowd(t)
	list := func(raw []byte) (wire.ListLoaded, error) {
		return e.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, bytes.NewReader(raw))
	}
	a, b, c := sealedList(t, e, 1100), sealedList(t, e, 1100), sealedList(t, e, 1200)
	if l, err := list(a); err != nil || !l.Changed {
		t.Fatalf("%+v, %v", l, err)
	}
	for range 2 { // the second time the same file, for it was sent twice
		if l, err := list(b); err != nil || l.Changed {
			t.Fatalf("the same content: %+v, %v", l, err)
		}
	}
	if l, err := list(c); err != nil || !l.Changed {
		t.Fatalf("%+v, %v", l, err)
	}
	for name, raw := range map[string][]byte{"a": a, "b": b} {
		_, err := list(raw)
		wantCode(t, "list "+name+" brought back", err, entrustment.CodeForbidden)
	}
	schema := parse(t, entrustment.ParseBaseSchema, oracleBase)
	x, y, z := sealedBase(t, e, 900), sealedBase(t, e, 900), sealedBase(t, e, 800)
	for i, raw := range [][]byte{x, y, y, z} {
		if l, err := e.LoadBase(t.Context(), schema, bytes.NewReader(raw)); err != nil || l.Changed != (i == 0 || i == 3) {
			t.Fatalf("base %d: %+v, %v", i, l, err)
		}
	}
	for name, raw := range map[string][]byte{"x": x, "y": y} {
		_, err := e.LoadBase(t.Context(), schema, bytes.NewReader(raw))
		wantCode(t, "base "+name+" brought back", err, entrustment.CodeForbidden)
	}
}

// TestOwnerOfAnEntrustment: an amendment can't pass one party's lists to
// another, whatever the flow.
func TestOwnerOfAnEntrustment(t *testing.T) {
	e := openCrowd(t)
	for _, doc := range []string{
		"schema: awase.party/v1\nid: agency\nclass: trustee\ngroup: agency\ncountry: JP\n",
		"schema: awase.party/v1\nid: beta\nclass: client\ngroup: beta\ncountry: JP\n",
	} {
		if _, err := e.AddParty(t.Context(), parse(t, entrustment.ParseParty, doc)); err != nil {
			t.Fatal(err)
		}
	}
	out := strings.NewReplacer("id: e\n", "id: out\n", "flow: 5-analysis", "flow: 5-outsourcing\nruns: 5-analysis", "principal: acme", "principal: operator",
		"trustee: operator", "trustee: agency").Replace(oracleContract)
	if _, err := e.Entrust(t.Context(), parse(t, entrustment.ParseContract, out)); err != nil {
		t.Fatal(err)
	}
	if terms, err := e.Terms(t.Context(), "out"); err != nil || terms.Party != "acme" {
		t.Fatalf("%+v, %v", terms, err)
	}
	_, err := e.Entrust(t.Context(), parse(t, entrustment.ParseContract, strings.ReplaceAll(out, "acme", "beta")))
	if refused := wantCode(t, "another owner of the lists", err, entrustment.CodeForbidden); refused.Contract != (entrustment.ContractClause{ID: "out", Version: 1, Clause: "basis"}) {
		t.Errorf("refused by %+v", refused.Contract)
	}
	// Were it amended all the same, the list still knows whose it is.
	e.state.lists[listKey{"e", "l"}].Party = "beta"
	_, err = e.Report(t.Context(), question())
	wantCode(t, "a list of another party", err, entrustment.CodeForbidden)
}

// TestHandMadeHeaders: a header that intake would not make, of a party's own
// sealing: no user key for another party, no person in a domain.
func TestHandMadeHeaders(t *testing.T) {
	e := openCrowd(t)
	contract := strings.Replace(strings.Replace(oracleContract, "events: [spring, shop]", "events: [page_view]\nlist_columns: [tier]", 1), "reports: 365d", "reports: 365d, events: 90d", 1)
	if _, err := e.Entrust(t.Context(), parse(t, entrustment.ParseContract, contract)); err != nil {
		t.Fatal(err)
	}
	events := seal.Header{Purpose: seal.Events, Identifiers: []seal.IdentifierColumn{{Kind: "email"}}, Events: []seal.EventType{{Kind: "page_view", Category: "page_view"}}, Unit: "count"}
	row := func(key string, ids int, value int64) seal.Rows {
		r := seal.Row{Identifiers: make([]seal.Identifier, ids), Event: &seal.Event{Key: []byte(key), Day: 20000, Value: value}}
		return func(yield func([]seal.Row, error) bool) { yield([]seal.Row{r}, nil) }
	}
	load := func(rows seal.Rows) error {
		e.mu.Lock()
		defer e.mu.Unlock()
		_, err := e.readEvents(t.Context(), &opened{header: events, rows: past(rows), upload: uploadID(seal.NewUpload())}, nil)
		return err
	}
	if err := load(row("", 1, 5)); err != nil {
		t.Errorf("a row by identifier: %v", err)
	}
	for name, rows := range map[string]seal.Rows{"by user key": row("user-1", 0, 5), "by both": row("user-1", 1, 5), "by neither": row("", 0, 5), "unclamped": row("", 1, math.MinInt64)} {
		if load(rows) == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for i, domain := range [][]string{{"taro.1@example.jp", "unknown"}, {"090-1234-5678", "unknown"}, {"gold"}, {"gold", "gold", "unknown"}, {}} {
		h := seal.Header{Purpose: seal.List, Identifiers: []seal.IdentifierColumn{{Kind: "email"}}, Columns: []seal.Column{{Name: "tier", Domain: domain}}}
		one := func(yield func([]seal.Row, error) bool) {
			yield([]seal.Row{{Identifiers: []seal.Identifier{{}}, Codes: []uint8{0}}}, nil)
		}
		_, err := e.rowsIn(t, wire.ListRequest{Entrustment: "e", Name: fmt.Sprint("d", i)}, h, one)
		wantCode(t, fmt.Sprint("domain ", i), err, entrustment.CodeDomain)
	}
	for name, h := range map[string]seal.Header{
		"another kind":  {Purpose: seal.Base, Identifiers: []seal.IdentifierColumn{{Kind: "email"}}, Columns: []seal.Column{{Name: "gender", Domain: []string{"f", "m", "unknown"}}}},
		"more channels": {Purpose: seal.Base, Identifiers: []seal.IdentifierColumn{{Kind: "email"}, {Kind: "phone"}, {Kind: "cookie", Namespace: "site"}, {Kind: "maid"}}, Columns: []seal.Column{{Name: "gender", Domain: []string{"f", "m", "unknown"}}}, Channels: []string{"mail"}},
	} {
		wantCode(t, name, fitsSchema(parse(t, entrustment.ParseBaseSchema, oracleBase), h), entrustment.CodeFile)
	}
}

// TestBaseBindsItsDocument: base.yaml says who is verified, restricted and has
// agreed, and none of that shows in a column. So a base made by another document
// is refused, and what stood before stays.
func TestBaseBindsItsDocument(t *testing.T) {
	e := openCrowd(t)
	before := e.state.base.Population
	users, _ := crowd(1500)
	data := usersCSV(rand.New(rand.NewPCG(1, 1)), users)
	given := parse(t, entrustment.ParseBaseSchema, oracleBase)
	for name, change := range map[string][3]string{ // from, to, dropped
		"nobody unverified": {"verified: ok", "verified: all", "ok"},
		"no restriction":    {"  - {column: service, kind: service_limited}\n", "", "service"},
	} {
		other := strings.Replace(oracleBase, change[0], change[1], 1) + "drop: [" + change[2] + "]\n"
		schema := parse(t, entrustment.ParseBaseSchema, other)
		f, err := intake.OpenBase(t.Context(), bytes.NewReader(data), int64(len(data)), schema, intake.Options{Name: "users.csv"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.LoadBase(t.Context(), given, sealed(t, e, seal.BaseEntrustment, seal.BaseName, f.Header(), f.Rows()))
		if refused := wantCode(t, name, err, entrustment.CodeFile); refused.Field != "base.yaml" || refused.Mend == "" {
			t.Errorf("%s: %v", name, refused)
		}
	}
	// The same rows under two documents that differ in one word, and under their own.
	load := func(verified string) error {
		made := *given
		made.Verified = verified
		f, err := intake.OpenBase(t.Context(), bytes.NewReader(data), int64(len(data)), given, intake.Options{Name: "users.csv"})
		if err != nil {
			t.Fatal(err)
		}
		h := f.Header()
		if h.Document, err = made.Digest(); err != nil {
			t.Fatal(err)
		}
		_, err = e.LoadBase(t.Context(), given, sealed(t, e, seal.BaseEntrustment, seal.BaseName, h, f.Rows()))
		return err
	}
	if refused := wantCode(t, "one word", load(entrustment.VerifiedAll), entrustment.CodeFile); refused.Field != "base.yaml" {
		t.Errorf("one word: %v", refused)
	}
	if e.state.base.Population != before {
		t.Error("the base was replaced")
	}
	if err := load(given.Verified); err != nil {
		t.Errorf("the base's own document: %v", err)
	}
}

// TestEventUnit: values have the unit that events.yaml gave them, and a log
// without one has none.
func TestEventUnit(t *testing.T) {
	e := openCrowd(t)
	h := seal.Header{Purpose: seal.Events, Events: []seal.EventType{{Kind: "page_view", Category: "page_view"}}}
	load := func(unit string, value int64) error {
		h.Unit = unit
		rows := func(yield func([]seal.Row, error) bool) {
			yield([]seal.Row{{Event: &seal.Event{Key: []byte("u-1"), Day: 20000, Value: value}}}, nil)
		}
		_, err := e.LoadEvents(t.Context(), wire.EventsRequest{Entrustment: seal.BaseEntrustment}, sealed(t, e, seal.BaseEntrustment, seal.EventsName, h, rows))
		return err
	}
	for _, unit := range []string{"yen", "count"} {
		if err := load(unit, 7); err != nil {
			t.Fatal(err)
		}
	}
	logs := e.state.events[seal.BaseEntrustment]
	if len(logs) != 2 || logs[0].Unit != "yen" || logs[1].Unit != "count" {
		t.Errorf("%d logs", len(logs))
	}
	if load("count", -7) == nil {
		t.Error("a negative count was taken")
	}
	if load("", 7) == nil {
		t.Error("values without a unit were taken")
	}
	if load("dollar", 7) == nil {
		t.Error("another unit was taken")
	}
	if err := load("", 0); err != nil {
		t.Errorf("a log without values: %v", err)
	}
}
