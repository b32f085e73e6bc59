package enclave

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// onceRead does something when it is read, and is empty.
type onceRead struct{ do func() }

func (o *onceRead) Read([]byte) (int, error) {
	if o.do != nil {
		o.do()
		o.do = nil
	}
	return 0, io.EOF
}

// TestSealedRefusalsNameClauses: a sealed file that is not the one that was to come is
// refused by a clause, of the contract and its version where there is one.
func TestSealedRefusalsNameClauses(t *testing.T) {
	t.Parallel()
	e := openCrowd(t)
	amend := func(rows string) {
		if _, err := e.Entrust(t.Context(), parse(t, entrustment.ParseContract, strings.Replace(oracleContract, "from: 2020-01-01", "max_list_rows: "+rows+"\nfrom: 2020-01-01", 1))); err != nil {
			t.Error(err)
		}
	}
	load := func(r io.Reader) error {
		_, err := e.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, r)
		return err
	}
	want := func(what string, err error, code entrustment.Code, version int, clause string) {
		t.Helper()
		r := wantCode(t, what, err, code)
		of := entrustment.ContractClause{ID: "e", Version: version, Clause: clause}
		if clause == "" {
			of = entrustment.ContractClause{}
		}
		if r.Contract != of || r.Clause == "" || r.Mend == "" {
			t.Errorf("%s: %+v, want %+v", what, r, of)
		}
	}
	old := sealedList(t, e, 1100)
	amend("50000")
	want("sealed by the terms of before", load(bytes.NewReader(old)), entrustment.CodeFile, 2, "id")
	now := sealedList(t, e, 1100)
	want("amended while it was read", load(io.MultiReader(bytes.NewReader(now[:len(now)/2]), &onceRead{func() { amend("60000") }}, bytes.NewReader(now[len(now)/2:]))), entrustment.CodeForbidden, 3, "id")
	h := seal.Header{Purpose: seal.Events, Events: []seal.EventType{{Kind: "click", Category: "spring"}}, Identifiers: []seal.IdentifierColumn{{Kind: "email"}}}
	raw, err := io.ReadAll(sealed(t, e, "e", seal.EventsName, h, func(yield func([]seal.Row, error) bool) {
		yield([]seal.Row{{Identifiers: []seal.Identifier{{}}, Event: &seal.Event{Day: 20000}}}, nil)
	}))
	if err != nil {
		t.Fatal(err)
	}
	amended := &onceRead{func() { amend("70000") }}
	_, err = e.LoadEvents(t.Context(), wire.EventsRequest{Entrustment: "e"}, io.MultiReader(bytes.NewReader(raw[:len(raw)-3]), amended, bytes.NewReader(raw[len(raw)-3:])))
	want("a log, amended while it was read", err, entrustment.CodeForbidden, 4, "id")
	want("a base as a list", load(bytes.NewReader(sealedBase(t, e, 3))), entrustment.CodeFile, 4, "id")
	_, err = e.Request(t.Context(), wire.RightsRequest{Check: goodCheck(), Sealed: now})
	want("a list as a request", err, entrustment.CodeFile, 0, "")
	_, err = e.tokeniser(seal.Header{Identifiers: []seal.IdentifierColumn{{Kind: "name"}}})
	want("a kind that is not matched", err, entrustment.CodeFile, 0, "")
	for what, err := range map[string]error{"a row": errRow, "an event": errEvent} {
		want(what, err, entrustment.CodeFile, 0, "")
	}
	if n := e.state.lists[listKey{"e", "l"}].Version; n != 1 {
		t.Errorf("the list is version %d", n)
	}
}
