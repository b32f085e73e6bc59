package seal_test

import (
	"bytes"
	"errors"
	"testing"

	"awase/crypto/seal"
)

// TestRequestSize: a request is as long whoever asks, with however many accounts and
// however long their keys are. Sealed without the rows that fill it up, it tells.
func TestRequestSize(t *testing.T) {
	key := testKey(t, seal.XWing)
	long := bytes.Repeat([]byte{'k'}, 512)
	many := make([][]byte, seal.RequestRows)
	for i := range many {
		many[i] = long
	}
	sizes, bare := map[int]bool{}, map[int]bool{}
	for _, keys := range [][][]byte{{[]byte("u")}, {long}, {[]byte("u"), []byte("v")}, many} {
		rows, err := seal.RequestOf(keys)
		if err != nil {
			t.Fatal(err)
		}
		h := seal.Header{Purpose: seal.Request, Asks: seal.Deletion}
		file := sealFile(t, key, requestAddress(), h, rows, nil)
		sizes[len(file)] = true
		bare[len(sealFile(t, key, requestAddress(), h, rows[:len(keys)], nil))] = true
		got, err := openFile(file, key, requestAddress(), &h, nil)
		if err != nil || len(got) != seal.RequestRows {
			t.Fatalf("%d rows, %v", len(got), err)
		}
		sameRows(t, got, rows)
	}
	if len(sizes) != 1 || len(bare) != 3 {
		t.Errorf("sizes %v; without what fills up %v", sizes, bare)
	}
	for name, keys := range map[string][][]byte{"nobody": nil, "too many": append(many, long), "an empty key": {long, nil}} {
		if _, err := seal.RequestOf(keys); !errors.Is(err, seal.BadRow) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
