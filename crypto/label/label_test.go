package label

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"awase/crypto/seal"
)

var (
	testDelivery = [16]byte{1, 2, 3, 15: 4}
	before       = time.Unix(1_800_000_000, 0)
	expiry       = before.Add(time.Hour)
)

func servingKey(t testing.TB, n byte) seal.PrivateKey {
	t.Helper()
	k, err := seal.DeriveKey(seal.X25519, [32]byte{0xA0, n})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// pair gives a sealer and its opener.
func pair(t testing.TB, seed byte, bind binding) (*Sealer, *Opener) {
	t.Helper()
	key := servingKey(t, 1)
	s, err := newSealer(key.Public(), testDelivery, expiry, rand.NewChaCha8([32]byte{seed}), bind)
	if err != nil {
		t.Fatal(err)
	}
	o, err := newOpener(key, s.Set(), func() time.Time { return before }, bind)
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

func userKey(i int) []byte { return fmt.Appendf(nil, "user-%06d", i) }

func mustLabel(t testing.TB, s *Sealer, row uint32, key []byte, member bool) Label {
	t.Helper()
	l, err := s.Label(row, key, member)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLabelsOpen(t *testing.T) {
	t.Parallel()
	for _, suite := range []seal.Suite{seal.X25519, seal.XWing} {
		key, err := seal.DeriveKey(suite, [32]byte{5})
		if err != nil {
			t.Fatal(err)
		}
		s, err := NewSealer(key.Public(), testDelivery, expiry, nil)
		if err != nil {
			t.Fatal(err)
		}
		o, err := NewOpener(key, s.Set(), func() time.Time { return before })
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range [][]byte{{0}, []byte("u"), bytes.Repeat([]byte{0xFF}, MaxKey)} {
			for _, want := range []bool{true, false} {
				text := mustLabel(t, s, uint32(i), k, want).String()
				l, err := Parse(text)
				if err != nil || len(text) != Text {
					t.Fatalf("%d characters: %v", len(text), err)
				}
				if got, err := o.Open(uint32(i), k, l); err != nil || got != want {
					t.Errorf("%v: %v, %v", want, got, err)
				}
			}
		}
	}
	s, o := pair(t, 1, whole)
	for _, k := range [][]byte{nil, make([]byte, MaxKey+1)} {
		if _, err := s.Label(0, k, true); !errors.Is(err, Malformed) {
			t.Errorf("%d bytes are sealed: %v", len(k), err)
		}
		if _, err := o.Open(0, k, Label{}); !errors.Is(err, Malformed) {
			t.Errorf("%d bytes are opened: %v", len(k), err)
		}
	}
}

// TestLabelTransplant is A32: a carrier puts the label of someone that it asks about
// on a key, a row or a delivery of its own.
func TestLabelTransplant(t *testing.T) {
	t.Parallel()
	const n = 10_000
	opens := func(bind binding) (key, row, delivery int) {
		s, o := pair(t, 2, bind)
		set := s.Set()
		set.Delivery[0]++
		other, err := newOpener(servingKey(t, 1), set, func() time.Time { return before }, bind)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			l := mustLabel(t, s, uint32(i), userKey(i), i%2 == 0)
			if got, err := o.Open(uint32(i), userKey(i), l); err != nil || got != (i%2 == 0) {
				t.Fatalf("where it belongs: %v, %v", got, err)
			}
			count := func(to *int, o *Opener, row int, key []byte) {
				if _, err := o.Open(uint32(row), key, l); err == nil {
					*to++
				} else if !errors.Is(err, NotOpened) {
					t.Fatal(err)
				}
			}
			count(&key, o, i, userKey(n))
			count(&row, o, i+1, userKey(i))
			count(&delivery, other, i, userKey(i))
		}
		return key, row, delivery
	}
	if key, row, delivery := opens(whole); key+row+delivery != 0 {
		t.Errorf("opens on another key %d times, on another row %d, in another delivery %d", key, row, delivery)
	}
	bare := binding{info, func(b []byte, _ [16]byte, _ uint32, _ []byte) []byte { return b }}
	if key, row, _ := opens(bare); key != n || row != n {
		t.Errorf("without associated data it opens %d and %d times: the control is not the associated data", key, row)
	}
	free := binding{func([16]byte, int64) []byte { return nil }, bare.aad}
	if _, _, delivery := opens(free); delivery != n {
		t.Errorf("bound by nothing it opens in another delivery %d times", delivery)
	}
	// A key's end can't become the row's beginning: parts are length-prefixed.
	a := appendAAD(nil, testDelivery, 1, []byte("ab"))
	if b := appendAAD(nil, testDelivery, 1, []byte("ab\x00\x04")); bytes.Equal(a, b) || bytes.HasPrefix(b, a) {
		t.Error("two bindings share their bytes")
	}
}

func TestLabelExpires(t *testing.T) {
	t.Parallel()
	key := servingKey(t, 1)
	now := before
	clock := func() time.Time { return now }
	s, _ := pair(t, 3, whole)
	o, err := NewOpener(key, s.Set(), clock)
	if err != nil {
		t.Fatal(err)
	}
	l := mustLabel(t, s, 0, userKey(0), true)
	now = expiry.Add(-time.Second)
	if ok, err := o.Open(0, userKey(0), l); err != nil || !ok {
		t.Errorf("in its last second: %v", err)
	}
	// The opener lives on: the time is asked at each label.
	now = expiry
	if _, err := o.Open(0, userKey(0), l); !errors.Is(err, Expired) {
		t.Errorf("when it expires: %v", err)
	}
	// Who holds the labels says that they expire later.
	late := s.Set()
	late.Expires += 1 << 20
	if o, err = NewOpener(key, late, clock); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Open(0, userKey(0), l); !errors.Is(err, NotOpened) {
		t.Errorf("with another expiry: %v", err)
	}
	loose := binding{func([16]byte, int64) []byte { return nil }, appendAAD}
	ls, _ := pair(t, 3, loose)
	l = mustLabel(t, ls, 0, userKey(0), true)
	late = ls.Set()
	late.Expires += 1 << 20
	if o, err = newOpener(key, late, clock, loose); err != nil {
		t.Fatal(err)
	}
	if ok, err := o.Open(0, userKey(0), l); err != nil || !ok {
		t.Errorf("with an expiry that nothing binds: %v", err)
	}
}

func TestLabelWrongKey(t *testing.T) {
	t.Parallel()
	s, _ := pair(t, 4, whole)
	o, err := NewOpener(servingKey(t, 2), s.Set(), func() time.Time { return before })
	if err != nil {
		t.Fatal(err)
	}
	l := mustLabel(t, s, 0, userKey(0), true)
	if _, err := o.Open(0, userKey(0), l); !errors.Is(err, NotOpened) {
		t.Errorf("another serving key: %v", err)
	}
	xwing, err := seal.DeriveKey(seal.XWing, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewOpener(xwing, s.Set(), nil); !errors.Is(err, NotOpened) {
		t.Errorf("a key of the other suite: %v", err)
	}
	for name, change := range map[string]func(*Set){
		"delivery": func(s *Set) { s.Delivery = [16]byte{} },
		"expiry":   func(s *Set) { s.Expires = 0 },
		"suite":    func(s *Set) { s.Suite = 0 },
		"enc":      func(s *Set) { s.Enc = s.Enc[1:] },
	} {
		set := s.Set()
		change(&set)
		if _, err := NewOpener(servingKey(t, 1), set, nil); !errors.Is(err, Malformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewSealer(servingKey(t, 1).Public(), [16]byte{}, expiry, nil); !errors.Is(err, Malformed) {
		t.Errorf("no delivery: %v", err)
	}
}

// TestLabelsHideMembers: of 2 × 40,000 labels neither a byte nor a length tells
// members from others, not by a chi-squared statistic and not by a rule trained on
// half of them. The draws are fixed, so it fails always or never.
func TestLabelsHideMembers(t *testing.T) {
	t.Parallel()
	const n = 40_000
	draw := func(s *Sealer) (labels [2][]Label) {
		for i := range n {
			for j, member := range []bool{false, true} {
				labels[j] = append(labels[j], mustLabel(t, s, uint32(2*i+j), userKey(2*i+j), member))
			}
		}
		return labels
	}
	s, _ := pair(t, 5, whole)
	chi, accuracy := chiSquared(draw(s)), trained(draw(s))
	// 29 positions of 256 values, each with 255 degrees of freedom. Normal enough at
	// 7,395 of them: six sd over the mean is one in 10⁹.
	df := 255.0 * Size
	if chi > df+6*math.Sqrt(2*df) {
		t.Errorf("chi-squared %.0f at %.0f degrees of freedom", chi, df)
	}
	// Of n labels left for the test, five sd of a coin.
	if off := math.Abs(accuracy-0.5) * math.Sqrt(2*n) / math.Sqrt2; off > 5*0.5 {
		t.Errorf("a trained rule is right %.4f of the time", accuracy)
	}
	// Both see a sealer that draws its nonces as it shouldn't: always the same one.
	s.rand = zeros{}
	for i := range uint32(4) {
		if l := mustLabel(t, s, i, userKey(0), true); len(l.String()) != Text {
			t.Error("a length of its own")
		}
	}
	if broken := draw(s); chiSquared(broken) < 10*df || trained(broken) < 0.99 {
		t.Errorf("with one nonce for all chi-squared is %.0f, a trained rule right %.2f", chiSquared(broken), trained(broken))
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// chiSquared is the two-sample statistic, summed over the bytes' positions.
func chiSquared(labels [2][]Label) (sum float64) {
	for at := range Size {
		var seen [2][256]float64
		for j := range labels {
			for _, l := range labels[j] {
				seen[j][l[at]]++
			}
		}
		for v := range 256 {
			if a, b := seen[0][v], seen[1][v]; a+b > 0 {
				sum += (a - b) * (a - b) / (a + b)
			}
		}
	}
	return sum
}

// trained gives how often a rule, learnt from the first half of the labels, tells the
// kind of the second half: it adds the log odds of each byte at its position.
func trained(labels [2][]Label) float64 {
	half := len(labels[0]) / 2
	var odds [Size][256]float64
	for at := range Size {
		var seen [2][256]float64
		for j := range labels {
			for _, l := range labels[j][:half] {
				seen[j][l[at]]++
			}
		}
		for v := range 256 {
			odds[at][v] = math.Log((seen[1][v] + 1) / (seen[0][v] + 1))
		}
	}
	right := 0
	for j := range labels {
		for _, l := range labels[j][half:] {
			sum := 0.0
			for at, v := range l {
				sum += odds[at][v]
			}
			if (sum > 0) == (j == 1) {
				right++
			}
		}
	}
	return float64(right) / float64(2*half)
}

// TestForgedSet: whoever knows the serving key's public half makes labels that open.
// That the room made them its signature alone says, and it covers every row.
func TestForgedSet(t *testing.T) {
	t.Parallel()
	room := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	public := room.Public().(ed25519.PublicKey)
	s, o := pair(t, 6, whole)
	labels := make([]Label, 3)
	d := NewDigest(s.Set())
	for i := range labels {
		labels[i] = mustLabel(t, s, uint32(i), userKey(i), true)
		d.Add(userKey(i), labels[i])
	}
	signature := d.Sign(room)
	holds := func(set Set, rows ...int) bool {
		d := NewDigest(set)
		for _, i := range rows {
			d.Add(userKey(i), labels[i])
		}
		return d.Verify(public, signature)
	}
	if !holds(s.Set(), 0, 1, 2) {
		t.Error("the room's own set is refused")
	}
	for _, rows := range [][]int{{0, 1}, {1, 0, 2}, {0, 1, 2, 2}, nil} {
		if holds(s.Set(), rows...) {
			t.Errorf("rows %v pass", rows)
		}
	}
	late := s.Set()
	late.Expires++
	if holds(late, 0, 1, 2) {
		t.Error("another expiry passes")
	}
	// The carrier's own set, for its own rows.
	forger, _ := pair(t, 7, whole)
	l := mustLabel(t, forger, 0, userKey(0), true)
	fo, err := NewOpener(servingKey(t, 1), forger.Set(), o.now)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := fo.Open(0, userKey(0), l); err != nil || !ok {
		t.Fatalf("a forged label does not open, so nothing would be shown: %v", err)
	}
	fd := NewDigest(forger.Set())
	fd.Add(userKey(0), l)
	if fd.Verify(public, signature) || fd.Verify(public, fd.Sign(ed25519.NewKeyFromSeed(make([]byte, 32)))) || fd.Verify(nil, signature) {
		t.Error("a forged set passes")
	}
}

// No error shows a user key or a label.
func TestLabelErrorsShowNoContent(t *testing.T) {
	t.Parallel()
	s, o := pair(t, 8, whole)
	key := []byte("CANARY-key")
	l := mustLabel(t, s, 0, key, true)
	_, opened := o.Open(1, key, l)
	_, parsed := Parse("CANARY" + l.String()[6:])
	_, long := Parse(strings.Repeat("CANARY", 9))
	for _, err := range []error{opened, long} {
		if err == nil || strings.Contains(err.Error(), "CANARY") || strings.Contains(err.Error(), l.String()) {
			t.Errorf("%v", err)
		}
	}
	if parsed != nil {
		t.Error(parsed)
	}
}

func FuzzParse(f *testing.F) {
	s, _ := pair(f, 9, whole)
	good := mustLabel(f, s, 0, userKey(0), true).String()
	f.Add(good)
	f.Add(good[:39] + "\n")
	f.Add(good[:38] + "==")
	f.Fuzz(func(t *testing.T, in string) {
		if l, err := Parse(in); err == nil && l.String() != in {
			t.Error("two texts of one label")
		}
	})
}

// FuzzOpen: no bytes crash the opener, and only what its sealer made opens.
func FuzzOpen(f *testing.F) {
	s, o := pair(f, 10, whole)
	good := mustLabel(f, s, 7, userKey(7), true)
	f.Add(uint32(7), userKey(7), good[:])
	f.Add(uint32(8), userKey(7), good[:])
	f.Add(uint32(7), []byte{}, make([]byte, Size))
	f.Fuzz(func(t *testing.T, row uint32, key, label []byte) {
		var l Label
		copy(l[:], label)
		if _, err := o.Open(row, key, l); err == nil && !(row == 7 && bytes.Equal(key, userKey(7)) && l == good) {
			t.Error("opens what nobody sealed")
		}
	})
}
