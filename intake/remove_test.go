package intake

import (
	"slices"
	"strings"
	"testing"

	"awase/crypto/identifier"
	"awase/crypto/seal"
	"awase/entrustment"
)

// leaving declares more than a file of people to be taken off a list need hold.
const leaving = `schema: awase.list/v1
columns:
  - {column: email, kind: email}
  - {column: phone, kind: phone}
  - {column: rank, name: tier, values: [gold, silver]}
consent: {column: agreed}
drop: [name]
`

func readChange(t *testing.T, content string, change seal.Change) ([]seal.Row, *File) {
	t.Helper()
	f, err := openList(t, content, must(entrustment.ParseListSchema("list.yaml", []byte(leaving))), Options{Change: change})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := collect(f)
	if err != nil {
		t.Fatal(err)
	}
	return rows, f
}

// TestRemoveReadsPeopleAlone: who withdrew their consent is named by a file that
// takes people off a list, and nothing but who they are is read of it.
func TestRemoveReadsPeopleAlone(t *testing.T) {
	const file = "email,phone,rank,agreed,name\na@example.jp,090-1234-5678,gold,no,A\nb@example.jp,,silver,yes,B\nnobody,090-1111-2222,gold,no,C\nnobody,,gold,no,D\n"
	rows, f := readChange(t, file, seal.Add)
	if len(rows) != 1 || len(rows[0].Codes) != 1 || len(f.Header().Columns) != 1 || f.Header().Change != seal.Add {
		t.Errorf("an add: %d rows, %+v", len(rows), f.Header())
	}
	rows, f = readChange(t, file, seal.Remove)
	if h := f.Header(); len(h.Columns) != 0 || h.Change != seal.Remove || h.Purpose != seal.List {
		t.Errorf("header %+v", h)
	}
	if r := f.Report(); r.NoConsent != 0 || r.Accepted != 3 || r.Rejected != 1 || r.Problems != 3 || !slices.Contains(r.Dropped, "rank") || !slices.Contains(r.Dropped, "agreed") {
		t.Errorf("%+v", r)
	}
	if len(rows) != 3 || len(rows[2].Identifiers) == 0 || len(rows[0].Codes) != 0 {
		t.Fatalf("%d rows", len(rows))
	}
	// The same from a file that holds the identifiers alone.
	bare, f := readChange(t, "email,phone\na@example.jp,090-1234-5678\nb@example.jp,\n,090-1111-2222\n", seal.Remove)
	for i := range bare {
		if !slices.Equal(bare[i].Identifiers, rows[i].Identifiers) {
			t.Errorf("row %d differs", i+1)
		}
	}
	// A column of identifiers that is declared and missing is a mistake.
	if _, err := openList(t, "email\na@example.jp\n", f.Schema(), Options{Change: seal.Remove}); entrustment.Public(err).Code != entrustment.CodeFile {
		t.Errorf("without the phones: %v", err)
	}
}

// TestRemoveFindsEveryHash: a raw file finds the rows of a list, whether that was
// raw or hashed by any profile.
func TestRemoveFindsEveryHash(t *testing.T) {
	norm := must(identifier.New("JP"))
	raw := map[string]string{"email": "t.a-ro@gmail.com", "phone": "090-1234-5678"}
	gone, _ := readChange(t, "email,phone\n"+raw["email"]+","+raw["phone"]+"\n", seal.Remove)
	finds := func(rows []seal.Row) bool {
		return slices.ContainsFunc(rows[0].Identifiers, func(id seal.Identifier) bool { return slices.Contains(gone[0].Identifiers, id) })
	}
	for i, kind := range []string{"email", "phone"} {
		k := must(identifier.ParseKind(kind))
		cells := []string{raw[kind]}
		for _, p := range identifier.Profiles() {
			// UID2 mends nothing, so it hashes what is E.164 already.
			in := raw[kind]
			if p == identifier.UID2 && k == identifier.Phone {
				in = "+819012345678"
			}
			text, _, err := norm.Normalise(p, k, []byte(in))
			if err != nil {
				t.Fatalf("%s %s: %v", p, kind, err)
			}
			schema := strings.Replace(leaving, "kind: "+kind, "kind: "+kind+", profile: "+p.String(), 1)
			row := []string{"", ""}
			row[i] = hexSum(string(text))
			f, err := openList(t, "email,phone,rank,agreed\n"+strings.Join(row, ",")+",gold,yes\n", must(entrustment.ParseListSchema("list.yaml", []byte(schema))), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if rows, err := collect(f); err != nil || !finds(rows) {
				t.Errorf("%s hashed by %s is not found, %v", kind, p, err)
			}
		}
		row := []string{"", ""}
		row[i] = cells[0]
		if rows, _ := readChange(t, "email,phone,rank,agreed\n"+strings.Join(row, ",")+",gold,yes\n", seal.Replace); !finds(rows) {
			t.Errorf("raw %s is not found", kind)
		}
	}
}
