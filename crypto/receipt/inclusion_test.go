package receipt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// inclusion is what a vault says of entry 3 of a log of 6.
func inclusion(s *Signer) Inclusion {
	entries := []string{"0", "1", "2", "3", "4", "5"}
	p := newTree(entries...).proof(s, 3)
	h := tlog.RecordHash([]byte(entries[3]))
	return Inclusion{Schema: InclusionSchema, Index: 3, Leaf: fmt.Sprintf("%x", h[:]), Checkpoint: p.Checkpoint, Path: p.Inclusion, Key: s.Public()}
}

// TestInclusion: a proof verifies, laid out too, and with no bit changed.
func TestInclusion(t *testing.T) {
	s := newSigner(1)
	file := must(json.Marshal(inclusion(s)))
	i, size, err := VerifyInclusion(file, s.Public())
	if err != nil || i.Index != 3 || size != 6 || !IsInclusion(file) || IsCertificate(file) {
		t.Fatalf("%+v of %d, %v", i, size, err)
	}
	var laid bytes.Buffer
	if err := json.Indent(&laid, file, "", "  "); err != nil {
		t.Fatal(err)
	}
	if _, _, err := VerifyInclusion(laid.Bytes(), nil); err != nil {
		t.Errorf("laid out: %v", err)
	}
	for i := range file {
		for bit := range 8 {
			bad := bytes.Clone(file)
			bad[i] ^= 1 << bit
			if _, _, err := VerifyInclusion(bad, s.Public()); err == nil {
				t.Errorf("with bit %d of byte %d changed it verifies", bit, i)
			}
		}
	}
}

// TestInclusionControls makes the forgeries that each check is there against: with
// all checks none verifies, without its own it does.
func TestInclusionControls(t *testing.T) {
	s, other := newSigner(1), newSigner(2)
	change := func(f func(*Inclusion)) []byte {
		i := inclusion(s)
		f(&i)
		return must(json.Marshal(i))
	}
	for what, f := range map[string]struct {
		file  []byte
		check string
	}{
		"a log that anybody made up":        {must(json.Marshal(inclusion(other))), "key"},
		"a checkpoint that nobody signed":   {change(func(i *Inclusion) { i.Checkpoint = inclusion(other).Checkpoint }), "checkpoint"},
		"an entry that is not in the log":   {change(func(i *Inclusion) { h := tlog.RecordHash([]byte("x")); i.Leaf = fmt.Sprintf("%x", h[:]) }), "inclusion"},
		"an entry at another place":         {change(func(i *Inclusion) { i.Index = 2 }), "inclusion"},
		"an entry after the log":            {change(func(i *Inclusion) { i.Index = 6 }), "inclusion"},
		"a path of hashes that are no such": {change(func(i *Inclusion) { i.Path = [][]byte{{1}} }), "inclusion"},
	} {
		if _, _, err := VerifyInclusion(f.file, s.Public()); err == nil {
			t.Errorf("%s verifies", what)
		}
		without := slices.DeleteFunc(slices.Clone(inclusionChecks), func(c inclusionCheck) bool { return c.name == f.check })
		if _, _, err := verifyInclusion(f.file, s.Public(), without); err != nil {
			t.Errorf("%s, without the check %q: %v: the test proves nothing", what, f.check, err)
		}
	}
}
