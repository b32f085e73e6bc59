package enclave

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/enclave/wire"
)

// Whom a request may be of: somebody in the base, nobody, and somebody who is out of
// use already.
const (
	askerKnown = iota
	askerNobody
	askerGone
)

// TestRequestSameWork: a request does the same whoever asks. It answers and writes as
// many bytes, into as many files and entries, and gives the population another name, so
// that not even the price of the next question tells.
func TestRequestSameWork(t *testing.T) {
	t.Parallel()
	d := openDesk(t, 20)
	d.load()
	d.asks(seal.Deletion, 1)
	size := func() (files int, bytes int64) {
		t.Helper()
		err := filepath.WalkDir(d.dir, func(_ string, f os.DirEntry, err error) error {
			if err != nil || f.IsDir() {
				return err
			}
			info, err := f.Info()
			files, bytes = files+1, bytes+info.Size()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return files, bytes
	}
	var works []string
	const askerMends = 3 // a correction, for which nobody is written down: the measure sees it
	for who, key := range []string{askerKnown: "user-2", askerNobody: "nobody", askerGone: "user-1", askerMends: "user-3"} {
		kind := seal.Stop
		if who == askerMends {
			kind = seal.Correction
		}
		before := d.populationNow()
		entries := len(d.vault.Log().Records())
		files, bytes := size()
		raw, err := d.Request(t.Context(), wire.RightsRequest{Check: goodCheck(), Sealed: sealedRequest(t, d.Enclave, kind, [][]byte{[]byte(key)})})
		if err != nil {
			t.Fatal(err)
		}
		var r struct {
			Log struct {
				Entry string `json:"entry"`
			} `json:"log"`
		}
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		filesNow, bytesNow := size()
		works = append(works, fmt.Sprintf("entries %d of %d bytes, files %d, bytes %d, another population: %t", len(d.vault.Log().Records())-entries, len(r.Log.Entry),
			filesNow-files, bytesNow-bytes, d.populationNow() != before))
	}
	if works[askerKnown] != works[askerNobody] || works[askerKnown] != works[askerGone] {
		t.Errorf("the work tells who asks: %q", works)
	}
	if works[askerKnown] == works[askerMends] {
		t.Errorf("a correction is the same work: %q", works)
	}
	d.want("after all", 18)
}

// signs is how far from half the pairs of which the first took longer are, in standard
// deviations: past 5 of either sign once in 1.7 million. What changes over a long run
// is the same for both of a pair.
func signs(a, b []time.Duration) float64 {
	longer, of := 0.0, 0.0
	for i := range a {
		switch {
		case a[i] > b[i]:
			longer++
			of++
		case a[i] < b[i]:
			of++
		}
	}
	if of == 0 {
		return 0
	}
	return (longer - of/2) / (math.Sqrt(of) / 2)
}

// TestRequestLatency: over many requests, three at a time in random order, the time of the answer does
// not tell whether the person is in the base, or out of use already. With a
// millisecond more for who is there, it tells. It measures a clock, so that only make
// attacks asks for that; go test holds the statistic to times that are known.
func TestRequestLatency(t *testing.T) {
	var even, odd, late []time.Duration // what the statistic says of times that are known
	for i := range time.Duration(1000) {
		even, odd, late = append(even, i), append(odd, i+2*(i%2)-1), append(late, i+1)
	}
	if z := signs(odd, even); math.Abs(z) > 1 {
		t.Errorf("two sets of one kind: z %.1f", z)
	}
	if z := signs(late, even); z < 5 {
		t.Errorf("one that is later: z %.1f", z)
	}
	if !*full {
		return
	}
	const each, users = 600, 4000
	d := openDesk(t, users)
	d.load()
	d.asks(seal.Stop, 0)
	measure := func(from int, more time.Duration) (took [3][]time.Duration) {
		var order []int
		rng := rand.New(rand.NewPCG(uint64(from), 7))
		for range each {
			order = append(order, rng.Perm(3)...)
		}
		for _, who := range order {
			key := []string{askerKnown: fmt.Sprintf("user-%d", from), askerNobody: fmt.Sprintf("nobody-%d", from), askerGone: "user-0"}[who]
			from++
			raw := sealedRequest(t, d.Enclave, seal.Stop, [][]byte{[]byte(key)})
			begun := time.Now()
			_, err := d.Request(context.Background(), wire.RightsRequest{Check: goodCheck(), Sealed: raw})
			if who == askerKnown {
				spin(more)
			}
			took[who] = append(took[who], time.Since(begun))
			if err != nil {
				t.Fatal(err)
			}
		}
		return took
	}
	asBuilt := measure(1, 0)
	for who, name := range []string{askerNobody: "nobody", askerGone: "somebody out of use"} {
		if who == askerKnown {
			continue
		}
		z := signs(asBuilt[askerKnown], asBuilt[who])
		t.Logf("somebody in the base against %s, %d requests each: z %.2f", name, each, z)
		if math.Abs(z) > 5 {
			t.Errorf("the time tells somebody in the base from %s: z %.1f", name, z)
		}
	}
	slower := measure(1+3*each, time.Millisecond)
	z := signs(slower[askerKnown], slower[askerNobody])
	t.Logf("with 1 ms more: z %.2f", z)
	if z < 5 {
		t.Errorf("a millisecond more for who is there goes unnoticed: z %.1f", z)
	}
}

// spin takes a time, to the microsecond, which sleeping does not.
func spin(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
	}
}
