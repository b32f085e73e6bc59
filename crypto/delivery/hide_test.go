package delivery

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"awase/crypto/label"
	"awase/crypto/seal"
)

// TestPaddingLooksLikePeople: over 400 files the bytes of slots that hold a person
// and of slots that hold padding are of one distribution, and so are the files of few
// people and of many. The draws are fixed, so it fails always or never.
func TestPaddingLooksLikePeople(t *testing.T) {
	t.Parallel()
	const files, slots = 400, 64
	key := testKey(t, seal.X25519)
	head := len(sealFile(t, key.Public(), testHeader(Google, slots), testRoom, nil, people(0))) - int(seal.StreamSize(slots*personSize)) - 64 + 4
	var sealed, plain [2][256]float64 // people, padding
	for i := range files {
		n := 16 + i%32
		file := sealFile(t, key.Public(), testHeader(Google, slots), testRoom, rand.NewChaCha8([32]byte{byte(i), byte(i >> 8), 8}), people(n))
		for s := range slots {
			kind := 0
			slot := make([]byte, personSize)
			if s < n {
				slot, _ = appendPerson(nil, testPerson(s))
			} else {
				kind = 1
			}
			for at := range personSize {
				sealed[kind][file[head+s*personSize+at]]++
				plain[kind][slot[at]]++
			}
		}
	}
	// 255 degrees of freedom: the mean and seven sd are passed by chance less than
	// once in 10⁹.
	limit := 255 + 7*math.Sqrt(2*255)
	if chi := homogeneity(sealed); chi > limit {
		t.Errorf("chi-squared %.0f, at most %.0f is by chance", chi, limit)
	}
	if chi := homogeneity(plain); chi < 100*limit {
		t.Errorf("chi-squared of what is not sealed is %.0f: the statistic sees nothing", chi)
	}
}

// homogeneity is the chi-squared statistic of two samples of unequal size.
func homogeneity(seen [2][256]float64) (chi float64) {
	var total [2]float64
	for k := range seen {
		for _, n := range seen[k] {
			total[k] += n
		}
	}
	for v := range 256 {
		both := seen[0][v] + seen[1][v]
		for k := range seen {
			if want := both * total[k] / (total[0] + total[1]); want > 0 {
				chi += (seen[k][v] - want) * (seen[k][v] - want) / want
			}
		}
	}
	return chi
}

// TestLabelDeliveriesHideMembers: over 1,000 deliveries of one list, each with members
// of its own, files are of one size, rows in the list's order, and the labels' bytes tell
// nothing: not by chi-squared, and not by a threshold that was learnt on half of the
// deliveries. The draws are fixed, so it fails always or never.
func TestLabelDeliveriesHideMembers(t *testing.T) {
	t.Parallel()
	const deliveries, rows = 1000, 40
	chi, accuracy := carried(t, deliveries, rows, func(l *label.Label, member bool) {})
	if limit := 255 + 7*math.Sqrt(2*255); chi > limit {
		t.Errorf("chi-squared %.0f, at most %.0f is by chance", chi, limit)
	}
	// Of at least 8,000 labels of each sort five sd of the mean of two coins.
	if off := math.Abs(accuracy - 0.5); off > 5*0.5*math.Sqrt(2*0.25/8000) {
		t.Errorf("a threshold is right %.4f of the time", accuracy)
	}
	// Both see labels of which one bit tells.
	chi, accuracy = carried(t, 500, rows, func(l *label.Label, member bool) {
		if l[0] &= 0x7F; member {
			l[0] |= 0x80
		}
	})
	if chi < 600 || accuracy < 0.99 {
		t.Errorf("of labels that tell: chi-squared %.0f, right %.2f", chi, accuracy)
	}
}

// carried gives what a carrier can find in label deliveries, after change: the statistic
// of their bytes, and how often the best threshold on one byte, learnt on the first half,
// is right on the second.
func carried(t *testing.T, deliveries, rows int, change func(*label.Label, bool)) (chi, accuracy float64) {
	t.Helper()
	key := testKey(t, seal.X25519)
	serving, err := seal.DeriveKey(seal.X25519, [32]byte{0x5E})
	if err != nil {
		t.Fatal(err)
	}
	var seen [2][256]float64
	type shown struct {
		l      label.Label
		member bool
	}
	halves := [2][]shown{}
	size := 0
	for n := range deliveries {
		rnd := rand.New(rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), 7}))
		h := testHeader(Label, 4096)
		h.Delivery[4], h.Delivery[5] = byte(n), byte(n>>8)
		s, err := label.NewSealer(serving.Public(), h.Delivery, time.Unix(h.Expires, 0), rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), 6}))
		if err != nil {
			t.Fatal(err)
		}
		h.Labels = s.Set()
		of := make([]bool, rows)
		share := rnd.Float64() // of members, from none to all
		file := sealFile(t, key.Public(), h, testRoom, nil, func(w *Writer) error {
			for i := range of {
				of[i] = rnd.Float64() < share
				l, err := s.Label(uint32(i), fmt.Appendf(nil, "partner-%02d", i), of[i])
				if err == nil {
					err = w.Label(fmt.Appendf(nil, "partner-%02d", i), l)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if size == 0 {
			size = len(file)
		}
		if len(file) != size {
			t.Fatalf("a file of %d bytes among those of %d", len(file), size)
		}
		f, err := openFile(file, key)
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		for r, err := range f.Labels() {
			if err != nil || string(r.Key) != fmt.Sprintf("partner-%02d", i) || len(r.Label.String()) != label.Text {
				t.Fatalf("row %d: %v", i, err)
			}
			change(&r.Label, of[i])
			kind := 0
			if of[i] {
				kind = 1
			}
			for _, b := range r.Label {
				seen[kind][b]++
			}
			half := 0
			if n >= deliveries/2 {
				half = 1
			}
			halves[half] = append(halves[half], shown{r.Label, of[i]})
			i++
		}
	}
	// The mean of how often it is right of members and of others, so that it is a half by
	// chance whatever share of them are members.
	right := func(half []shown, at int, over byte, above bool) float64 {
		var n, all [2]float64
		for _, s := range half {
			kind := 0
			if s.member {
				kind = 1
			}
			all[kind]++
			if (s.l[at] > over) == (s.member == above) {
				n[kind]++
			}
		}
		return (n[0]/all[0] + n[1]/all[1]) / 2
	}
	best, at, over, above := 0.0, 0, byte(0), true
	for p := range label.Size {
		for _, o := range []byte{31, 63, 95, 127, 159, 191, 223} {
			for _, a := range []bool{true, false} {
				if r := right(halves[0], p, o, a); r > best {
					best, at, over, above = r, p, o, a
				}
			}
		}
	}
	return homogeneity(seen), right(halves[1], at, over, above)
}
