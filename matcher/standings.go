package matcher

import (
	"errors"
	"iter"
	"math/bits"
)

// Standings is what of a base decides who is eligible, and nothing by which
// anybody is found: a bit and two bytes a cluster. An engine that keeps the rest
// elsewhere keeps this. It is immutable and safe for concurrent use.
type Standings struct {
	standings []standing
	present   bitmap
	codes     []uint16
}

// Standings gives what of b decides who is eligible, whoever is under tombstones.
// It shares the memory of b, and keeps no other of it.
func (b *Base) Standings() *Standings {
	return &Standings{b.standings, b.present, b.standing.Uint16Values()}
}

// OpenStandings puts them together from the Columns of a base, of which it asks
// for three. What it does not read it does not check: the vault's seal proves it.
func OpenStandings(read func(name string) ([]byte, error)) (*Standings, error) {
	if err := checkMachine(); err != nil {
		return nil, err
	}
	s := &segment{read: read}
	var meta baseMeta
	s.meta(&meta)
	s.damage(metaColumn, meta.check())
	b := &Base{standings: meta.Standings}
	if buf := s.get(presentColumn); s.err == nil {
		var err error
		b.presentA, b.present, err = openBitmap(buf, meta.Clusters)
		s.damage(presentColumn, err)
	}
	for _, w := range b.present {
		if w != 0 && len(meta.Standings) == 0 {
			s.damage(metaColumn, errors.New("users without a standing"))
			break
		}
	}
	s.standing(b, meta.Clusters)
	if s.err != nil {
		return nil, s.err
	}
	return b.Standings(), nil
}

// Eligible gives the clusters of those whom e makes eligible, ascending, in slices
// of at most n that are good until the next. The ids do not leave the trust
// boundary.
func (s *Standings) Eligible(e *Eligibility, n int) iter.Seq[[]uint32] {
	allowed := make([]bool, max(len(s.standings), 1))
	for i, st := range s.standings {
		allowed[i] = st.allows(e)
	}
	return func(yield func([]uint32) bool) {
		ids := make([]uint32, 0, n)
		for w, word := range s.present {
			for ; word != 0; word &= word - 1 {
				id := w*64 + bits.TrailingZeros64(word)
				if !allowed[s.codes[id]] {
					continue
				}
				if ids = append(ids, uint32(id)); len(ids) == n {
					if !yield(ids) {
						return
					}
					ids = ids[:0]
				}
			}
		}
		if len(ids) > 0 {
			yield(ids)
		}
	}
}
