package main

import (
	"bytes"
	"strings"
	"testing"

	"awase/enclave/wire"
)

// TestSayEnding: what an end destroys is said by its sort, and of deliveries that nobody
// is taken off any more.
func TestSayEnding(t *testing.T) {
	t.Parallel()
	say := func(things ...wire.Expiry) string {
		var b bytes.Buffer
		if err := sayEnding(&b, &toDestroy{"e", 1, "active", "", things}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	list := wire.Expiry{What: "list", Name: "spring"}
	if got := say(list, wire.Expiry{What: "delivery", Name: "m"}, wire.Expiry{What: "delivery", Name: "m"}); !strings.Contains(got, "0 stored reports\n") || !strings.Contains(got, "2 deliveries: m × 2, and who was delivered to: close those campaigns first") {
		t.Error(got)
	}
	if got := say(list); strings.Contains(got, "campaign") || !strings.Contains(got, "1 list: spring") {
		t.Error(got)
	}
}
