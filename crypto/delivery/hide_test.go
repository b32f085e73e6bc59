package delivery

import (
	"math"
	"math/rand/v2"
	"testing"

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
