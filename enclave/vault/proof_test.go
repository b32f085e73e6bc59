package vault

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"awase/crypto/receipt"
)

// TestConsistency: between any two sizes of the log there is a proof that holds
// for the checkpoints of those sizes, and none for sizes it never had.
func TestConsistency(t *testing.T) {
	v := open(t, filepath.Join(t.TempDir(), "V"))
	defer v.Close()
	const size = 7
	var notes [size + 1][]byte
	for n := int64(1); n <= size; n++ {
		if _, err := v.Log().Append("act", n); err != nil {
			t.Fatal(err)
		}
		p, err := v.Log().Proof(n - 1)
		if err != nil {
			t.Fatal(err)
		}
		notes[n] = []byte(p.Checkpoint)
	}
	for from := int64(1); from <= size; from++ {
		for to := from; to <= size; to++ {
			c, err := v.Log().Consistency(from, to)
			if err != nil {
				t.Fatal(err)
			}
			proof, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			if n, m, err := receipt.CheckBetween(notes[from], notes[to], proof, v.Signer().Public()); err != nil || n != from || m != to {
				t.Errorf("%d to %d: %d, %d, %v", from, to, n, m, err)
			}
		}
	}
	if c, err := v.Log().Consistency(2, 0); err != nil || c.Checkpoint != string(notes[size]) {
		t.Errorf("up to now: %v, to %q", err, c.Checkpoint)
	}
	for _, s := range [][2]int64{{-1, 3}, {3, -1}, {4, 3}, {3, size + 1}, {size + 1, 0}} {
		if _, err := v.Log().Consistency(s[0], s[1]); err == nil {
			t.Errorf("from %d to %d there is a proof", s[0], s[1])
		}
	}
}
