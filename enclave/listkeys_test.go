package enclave

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"awase/crypto/identifier"
	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
	"awase/matcher"
)

const keyedList = `schema: awase.list/v1
user_key: id
columns:
  - {column: email, kind: email}
  - {column: shop, kind: cookie, namespace: shop}
`

// unkeyed is a list of the same columns without keys of its party's own.
var unkeyed = strings.Replace(keyedList, "user_key: id\n", "", 1) + "drop: [id]\n"

// keyedRows are rows of people, by number: id, address and, of every other, a cookie.
func keyedRows(people ...int) string {
	var b strings.Builder
	b.WriteString("id,email,shop\n")
	for _, i := range people {
		cookie := ""
		if i%2 == 0 {
			cookie = fmt.Sprint("c-", i)
		}
		fmt.Fprintf(&b, "m-%d,u.%d@example.jp,%s\n", i, i, cookie)
	}
	return b.String()
}

// sealedKeyed seals a list to "d".
func sealedKeyed(t *testing.T, e *Enclave, doc, rows string, change seal.Change) []byte {
	t.Helper()
	f, err := intake.OpenList(t.Context(), strings.NewReader(rows), int64(len(rows)), parse(t, entrustment.ParseListSchema, doc), intake.Options{Change: change})
	if err != nil {
		t.Fatal(err)
	}
	return must(io.ReadAll(sealed(t, e, "d", "l", f.Header(), f.Rows())))
}

func loadKeyed(t *testing.T, e *Enclave, doc, rows string, change seal.Change) (wire.ListLoaded, error) {
	t.Helper()
	return e.LoadList(t.Context(), wire.ListRequest{Entrustment: "d", Name: "l"}, bytes.NewReader(sealedKeyed(t, e, doc, rows, change)))
}

// keysOf gives the rows of the keys of the list that stands, "key: n" with n identifiers,
// and sees that each token is of its hash, and that the row has the address and the
// cookie of that person.
func keysOf(t *testing.T, e *Enclave) (out []string) {
	t.Helper()
	makers := map[matcher.Kind]func(identifier.Class) *token.Maker{
		matcher.Email: func(c identifier.Class) *token.Maker { return must(token.NewMaker(e.tokens, "email", uint8(c), "")) },
		matcher.Cookie: func(c identifier.Class) *token.Maker {
			return must(token.NewMaker(e.tokens, "cookie", uint8(c), "shop"))
		},
	}
	err := e.eachKey(t.Context(), e.state.lists[listKey{"d", "l"}].Keys, func(r *keyRow) error {
		n, has := 0, map[identifier.Hash]bool{}
		for id := range r.ids {
			n++
			has[id.Hash] = true
			if h := [32]byte(id.Hash); makers[id.Kind](id.Class).Make(&h) != id.Token {
				t.Error("a token is of another hash")
			}
		}
		i := 0
		if len(r.user) > 0 {
			if _, err := fmt.Sscanf(string(r.user), "m-%d", &i); err != nil || !has[sha256.Sum256(fmt.Appendf(nil, "u.%d@example.jp", i))] || i%2 == 0 && !has[sha256.Sum256(fmt.Appendf(nil, "c-%d", i))] {
				t.Errorf("a key stands beside others' identifiers: %v", err)
			}
		}
		out = append(out, fmt.Sprintf("%s: %d", r.user, n))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// rowsOfPeople is what keysOf gives of people: each has as many forms of an address.
func rowsOfPeople(forms int, keyed bool, people ...int) (out []string) {
	for _, i := range people {
		key := ""
		if keyed {
			key = fmt.Sprint("m-", i)
		}
		out = append(out, fmt.Sprintf("%s: %d", key, forms+(i+1)%2))
	}
	slices.Sort(out)
	return out
}

// TestListKeys: under a contract that delivers, a list keeps through all its versions
// what a delivery is made out to: the keys of the file, where it has them, and the
// hashes as they were uploaded; over a restart too, and no longer than the list.
func TestListKeys(t *testing.T) {
	t.Parallel()
	for _, keyed := range []bool{true, false} {
		e := openDelivering(t, "")
		loadTelling(t, e, tellingRows)
		doc := map[bool]string{true: keyedList, false: unkeyed}[keyed]
		forms := 0
		step := func(what string, change seal.Change, file, want []int) {
			t.Helper()
			l, err := loadKeyed(t, e, doc, keyedRows(file...), change)
			if err != nil || !l.Changed {
				t.Fatalf("%s: %+v, %v", what, l, err)
			}
			got := keysOf(t, e)
			if forms == 0 { // of one address, which the first file has
				forms = must(atoi(strings.TrimPrefix(got[0][strings.Index(got[0], ": "):], ": ")))
			}
			if wanted := rowsOfPeople(forms, keyed, want...); !slices.Equal(got, wanted) {
				t.Errorf("keyed %v, %s: the keys are %v, want %v", keyed, what, got, wanted)
			}
			k := e.state.lists[listKey{"d", "l"}].Keys
			if k.Keyed != keyed || k.Segment.Key != dataKey("d") || len(segmentFiles(t, e)) != 6 { // with the base's three
				t.Errorf("%s: %+v, %d files", what, k, len(segmentFiles(t, e)))
			}
		}
		step("the first", seal.Replace, []int{1}, []int{1})
		step("replaced", seal.Replace, []int{3, 4, 5}, []int{3, 4, 5})
		step("added", seal.Add, []int{6, 7}, []int{3, 4, 5, 6, 7})
		step("taken off", seal.Remove, []int{4, 7, 9}, []int{3, 5, 6})
		step("added again", seal.Add, []int{4}, []int{3, 4, 5, 6})
		before, digest := keysOf(t, e), e.state.lists[listKey{"d", "l"}].Keys.Digest
		e = again(t, e)
		if !slices.Equal(keysOf(t, e), before) || e.state.lists[listKey{"d", "l"}].Keys.Digest != digest {
			t.Error("after a restart they are others")
		}
		if _, err := e.EndEntrustment(t.Context(), "d", wire.ByOfficer{}); err != nil || len(segmentFiles(t, e)) != 3 {
			t.Errorf("%v, %d files", err, len(segmentFiles(t, e)))
		}
	}
}

func atoi(s string) (n int, err error) {
	_, err = fmt.Sscan(s, &n)
	return n, err
}

// TestListKeysSame: the same rows with the same keys are the same list, in whatever order
// they come; with other keys they are its next version, though every report counts the
// same.
func TestListKeysSame(t *testing.T) {
	t.Parallel()
	e := openDelivering(t, "")
	loadTelling(t, e, tellingRows)
	rows := keyedRows(1, 2, 3)
	lines := strings.SplitAfter(rows, "\n")
	slices.Reverse(lines[1:4])
	var id hexID
	for i, c := range []struct {
		doc, rows string
		version   int
	}{
		{keyedList, rows, 1}, {keyedList, rows, 1}, {keyedList, strings.Join(lines, ""), 1},
		{keyedList, strings.Replace(rows, "m-2,", "m-9,", 1), 2}, {unkeyed, rows, 3}, {unkeyed, strings.Replace(rows, "m-2,", "m-9,", 1), 3}, {keyedList, rows, 4},
		{keyedList, rows + "m-4,u.1@example.jp,\n", 5}, // one address, two keys: one row is counted
	} {
		before := 0
		if l := e.state.lists[listKey{"d", "l"}]; l != nil {
			before = l.Version
		}
		l, err := loadKeyed(t, e, c.doc, c.rows, seal.Replace)
		if err != nil || l.Version != c.version || l.Changed != (c.version != before) {
			t.Fatalf("file %d: %+v, %v", i, l, err)
		}
		now := e.state.lists[listKey{"d", "l"}]
		if i == 0 {
			id = now.ID
		}
		if now.ID != id {
			t.Errorf("file %d: what is counted is another list", i)
		}
	}
	// A version that differs in its keys alone, sent again as another file of before: it
	// is the digest of the keys that tells. Without it the party's new keys were dropped.
	old := e.state.lists[listKey{"d", "l"}]
	k, err := e.listKeys(e.state.contracts["d"], seal.Header{Keyed: true}, old)
	if err != nil {
		t.Fatal(err)
	}
	defer k.abort()
	if same, err := k.same(old.Keys); err != nil || same {
		t.Errorf("no rows pass for its rows: %v", err)
	}
	if same, err := (*listKeys)(nil).same(nil); err != nil || !same {
		t.Error("none and none differ")
	}
}

// TestListKeysRefused: rows with keys do not go with rows without, nor with a list that
// has none at all; what is refused changes nothing. A remove reads no keys, so it may
// come without.
func TestListKeysRefused(t *testing.T) {
	t.Parallel()
	e := openDelivering(t, "")
	loadTelling(t, e, tellingRows)
	refused := func(what, doc string, change seal.Change) {
		t.Helper()
		stands, files := *e.state.lists[listKey{"d", "l"}], len(segmentFiles(t, e))
		_, err := loadKeyed(t, e, doc, keyedRows(8), change)
		if r := wantCode(t, what, err, entrustment.CodeFile); r.Field != "user_key" || r.Mend == "" {
			t.Error(r)
		}
		if now := *e.state.lists[listKey{"d", "l"}]; now.Version != stands.Version || now.Keys != stands.Keys || len(segmentFiles(t, e)) != files {
			t.Errorf("%s: something changed", what)
		}
	}
	load := func(doc string, change seal.Change, people ...int) {
		t.Helper()
		if _, err := loadKeyed(t, e, doc, keyedRows(people...), change); err != nil {
			t.Fatal(err)
		}
	}
	load(unkeyed, seal.Replace, 1, 2, 3)
	refused("keys to none", keyedList, seal.Add)
	load(keyedList, seal.Replace, 1, 2, 3)
	refused("none to keys", unkeyed, seal.Add)
	load(unkeyed, seal.Remove, 2)
	if k := e.state.lists[listKey{"d", "l"}].Keys; !k.Keyed || len(keysOf(t, e)) != 2 {
		t.Errorf("%+v", k)
	}
	load(keyedList, seal.Add, 2)
	// As a version before this one loaded it.
	was := *e.state.lists[listKey{"d", "l"}]
	none := was
	none.Keys = nil
	e.state.lists[listKey{"d", "l"}] = &none
	refused("to a list of before", keyedList, seal.Add)
	refused("off a list of before", keyedList, seal.Remove)
	load(keyedList, seal.Replace, 1, 2, 3)
	if got := keysOf(t, e); len(got) != 3 {
		t.Errorf("replaced it has %v", got)
	}

	// Under a contract that delivers nothing, no keys come in, and no hashes are kept.
	o := openRoom(t)
	f, err := intake.OpenList(t.Context(), strings.NewReader(keyedRows(1)), int64(len(keyedRows(1))), parse(t, entrustment.ParseListSchema, keyedList), intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = o.LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, sealed(t, o, "e", "l", f.Header(), f.Rows()))
	if r := entrustment.Public(err); err == nil || !strings.Contains(r.Detail, "delivers nothing") {
		t.Error(r)
	}
	loadListFile(t, o, "l", crowdRows(0, 10))
	if l := o.state.lists[listKey{"e", "l"}]; l.Keys != nil || len(segmentFiles(t, o)) != 2 {
		t.Errorf("%+v, %d files", l.Keys, len(segmentFiles(t, o)))
	}
}

// TestListKeysDamaged: what is read is what was written; a version is not made of keys
// that are another's.
func TestListKeysDamaged(t *testing.T) {
	t.Parallel()
	e := openDelivering(t, "")
	loadTelling(t, e, tellingRows)
	load := func(name, rows string, change seal.Change) error {
		f, err := intake.OpenList(t.Context(), strings.NewReader(rows), int64(len(rows)), parse(t, entrustment.ParseListSchema, keyedList), intake.Options{Change: change})
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.LoadList(t.Context(), wire.ListRequest{Entrustment: "d", Name: name}, sealed(t, e, "d", name, f.Header(), f.Rows()))
		return err
	}
	if err := errors.Join(load("l", keyedRows(1, 2), seal.Replace), load("m", keyedRows(3, 4), seal.Replace)); err != nil {
		t.Fatal(err)
	}
	l, m := e.state.lists[listKey{"d", "l"}], e.state.lists[listKey{"d", "m"}]
	own, digest := l.Keys.Segment, l.Keys.Digest
	for what, ref := range map[string]vault.SegmentRef{"another list's": m.Keys.Segment, "rows": l.RowSegment, "the list": l.Segment} {
		l.Keys.Segment = ref
		for _, change := range []seal.Change{seal.Add, seal.Remove} {
			if err := load("l", keyedRows(1), change); err == nil {
				t.Errorf("%s keys were read", what)
			}
		}
	}
	// With that list's digest they would pass: it is what tells.
	l.Keys.Segment, l.Keys.Digest = m.Keys.Segment, m.Keys.Digest
	if err := e.eachKey(t.Context(), l.Keys, func(*keyRow) error { return nil }); err != nil {
		t.Errorf("with its own digest: %v", err)
	}
	l.Keys.Segment, l.Keys.Digest = own, digest
	if err := os.Remove(filepath.Join(e.vault.Dir(), "segments", own.ID+".seg")); err != nil {
		t.Fatal(err)
	}
	if err := load("l", keyedRows(5), seal.Add); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := load("l", keyedRows(5), seal.Replace); err != nil {
		t.Errorf("after a list in its place: %v", err)
	}
	// A row that is cut off anywhere, or names no kind, is no row.
	row := append([]byte{0, 2, 'm', '1', 1, byte(matcher.Phone), 0}, make([]byte, len(identifier.Hash{})+token.Size)...)
	if r, rest, err := nextKeys(append(slices.Clone(row), 7)); err != nil || string(r.user) != "m1" || len(rest) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	for n := range row {
		if _, _, err := nextKeys(row[:n]); err == nil {
			t.Errorf("%d bytes are a row", n)
		}
	}
	row[5] = byte(matcher.Kinds)
	if _, _, err := nextKeys(row); err == nil {
		t.Error("an identifier of no kind is one")
	}
}
