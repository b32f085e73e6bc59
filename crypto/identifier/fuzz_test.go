package identifier

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// seed adds every published and Japanese input to f.
func seed(f *testing.F, add func(k Kind, raw string)) {
	f.Helper()
	rows := readCSV(f, "testdata/normalisation_vectors.csv", 7)
	rows = append(rows, readCSV(f, "testdata/normalisation_negative_vectors.csv", 7)...)
	for _, row := range rows {
		k, err := ParseKind(row[1])
		if err != nil {
			k = Cookie // the hash rows
		}
		add(k, row[2])
	}
	for _, row := range readCSV(f, "testdata/japanese.csv", 5) {
		raw, err := strconv.Unquote(`"` + strings.ReplaceAll(row[1], `"`, `\"`) + `"`)
		if err != nil {
			f.Fatal(err)
		}
		k, err := ParseKind(row[0])
		if err != nil {
			f.Fatal(err)
		}
		add(k, raw)
	}
}

// FuzzCanonical: nothing panics, a refusal is an *Error with a mend, a normal
// form is its own normal form, the fast path is the library's, and the base
// finds its own raw value in a list.
func FuzzCanonical(f *testing.F) {
	seed(f, func(k Kind, raw string) { f.Add(uint8(k), raw) })
	f.Fuzz(func(t *testing.T, kind uint8, raw string) {
		k := Kind(kind % uint8(kindCount))
		a, b := newJP(t), newJP(t)
		canonicalTwice(t, a, k, []byte(raw))
		if k == Phone && utf8.ValidString(raw) {
			sameAsLibrary(t, a, b, raw)
		}
		for _, p := range Profiles() {
			text, _, err := a.Normalise(p, k, []byte(raw))
			if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Mend == "" || e.Kind != k) {
				t.Fatalf("%s: %v", p, err)
			}
			if err == nil && (len(text) == 0 || !utf8.Valid(text)) {
				t.Fatalf("%s: normal form %q", p, text)
			}
		}
		base, _, baseErr := a.AppendBase(nil, k, []byte(raw))
		list, _, listErr := a.AppendList(nil, k, []byte(raw))
		if (baseErr == nil) != (listErr == nil) || baseErr == nil && base[0] != list[0] {
			t.Fatalf("base %v, list %v", baseErr, listErr)
		}
	})
}

// FuzzDetect: a value is detected as hashed exactly if ParseHash reads it, and
// a hash has no more than its hexadecimal and its one Base64 form.
func FuzzDetect(f *testing.F) {
	seed(f, func(_ Kind, raw string) { f.Add(raw) })
	f.Add(fooHex)
	f.Add(strings.ToUpper(fooHex))
	f.Add(fooBase64)
	f.Fuzz(func(t *testing.T, raw string) {
		form := Detect([]byte(raw))
		h, err := ParseHash([]byte(raw))
		if form.Hashed() != (err == nil) {
			t.Fatalf("%s, but ParseHash says %v", form, err)
		}
		if err != nil {
			return
		}
		text, _ := trim([]byte(raw))
		if s := string(text); !strings.EqualFold(s, hex.EncodeToString(h[:])) && s != base64.StdEncoding.EncodeToString(h[:]) {
			t.Fatalf("another form of a hash: %q", s)
		}
	})
}
