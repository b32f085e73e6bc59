package entrustment

import (
	"slices"
	"strings"
	"testing"
)

// TestDiffKeys: what each change of a pinned key does, told by fingerprints and never
// by the key.
func TestDiffKeys(t *testing.T) {
	print := func(key string) string { return "print of " + key[len(key)-1:] }
	for _, c := range []struct {
		name          string
		before, after *Party
		want          []Effect
		says          []string
	}{
		{"the same", &Party{DeliveryKey: "key-a"}, &Party{DeliveryKey: "key-a", Country: "JP"}, nil, nil},
		{"a new party", nil, &Party{DeliveryKey: "key-a", ServingKey: "key-b"}, []Effect{Widens, Widens}, []string{"key that opens its deliveries: print of a added", "key that opens its labels: print of b added"}},
		{"replaced", &Party{DeliveryKey: "key-a"}, &Party{DeliveryKey: "key-b"}, []Effect{Either}, []string{"print of a becomes print of b"}},
		{"taken out", &Party{DeliveryKey: "key-a", ServingKey: "key-b"}, &Party{}, []Effect{Narrows, Narrows}, []string{"print of a taken out", "print of b taken out"}},
		{"files are signed", &Party{}, &Party{UploadKey: "key-a"}, []Effect{Narrows}, []string{"key that signs its files: print of a added"}},
		{"files are signed no more", &Party{UploadKey: "key-a"}, &Party{}, []Effect{Widens}, []string{"print of a taken out"}},
	} {
		var got []Effect
		for i, d := range DiffKeys(c.before, c.after, print) {
			got = append(got, d.Effect)
			if i < len(c.says) && !strings.Contains(d.Text.EN, c.says[i]) || strings.Contains(d.Text.EN+d.Text.JA+d.Before+d.After, "key-") || d.Text.JA == "" {
				t.Errorf("%s: %+v", c.name, d)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, not %v", c.name, got, c.want)
		}
	}
}
