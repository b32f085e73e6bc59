package enclave

import (
	"errors"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// TestBadRowIsNamed: though rows are added on every core, the first row of the
// file that can't be is the one that is named.
func TestBadRowIsNamed(t *testing.T) {
	e := openCrowd(t)
	if _, err := e.Entrust(t.Context(), parse(t, entrustment.ParseContract, oracleContract+"list_columns: [tier]\n")); err != nil {
		t.Fatal(err)
	}
	email := []seal.IdentifierColumn{{Kind: "email"}}
	tier := []seal.Column{{Name: "tier", Domain: []string{"gold", "unknown"}}}
	const batches, each = 40, 100
	file := func(bad map[int]seal.Row) seal.Rows {
		return func(yield func([]seal.Row, error) bool) {
			for b := range batches {
				rows := make([]seal.Row, each)
				for i := range rows {
					rows[i] = seal.Row{Identifiers: []seal.Identifier{{Hash: [32]byte{byte(b), byte(i), 1}}}, Codes: []uint8{1}}
					if r, ok := bad[b*each+i]; ok {
						rows[i] = r
					}
				}
				if !yield(rows, nil) {
					return
				}
			}
		}
	}
	outside := seal.Row{Identifiers: []seal.Identifier{{}}, Codes: []uint8{9}}
	many := seal.Row{Identifiers: make([]seal.Identifier, maxHashes+1), Codes: []uint8{0}}
	for name, c := range map[string]struct {
		bad  map[int]seal.Row
		want string
	}{
		"in the first batch":   {map[int]seal.Row{0: outside}, `row 1, column "tier"`},
		"deep in the file":     {map[int]seal.Row{2712: outside}, `row 2713, column "tier"`},
		"too many identifiers": {map[int]seal.Row{3999: many}, "row 4000, identifiers"},
		"the first of several": {map[int]seal.Row{1500: many, 1501: outside, 3000: outside, 3999: outside}, "row 1501, identifiers"},
		"before another fault": {map[int]seal.Row{1502: many, 1501: outside}, `row 1502, column "tier"`},
	} {
		_, err := e.rowsIn(t, wire.ListRequest{Entrustment: "e", Name: "x"}, seal.Header{Purpose: seal.List, Identifiers: email, Columns: tier}, file(c.bad))
		refusal, ok := errors.AsType[*entrustment.Error](err)
		if !ok || refusal.Field != c.want {
			t.Errorf("%s: %v, want it at %s", name, err, c.want)
		}
	}
}
