package matcher

import (
	"iter"
	"math/bits"

	"awase/crypto/token"
)

// What follows gives a base and a list, piece by piece, to an engine that keeps
// them elsewhere, inside the trust boundary. Slices are good until the next piece
// and are only read.

// People are clusters and their codes.
type People struct {
	IDs   []uint32
	Codes [][]uint8 // one for each column, by position in IDs
}

// Held are tokens, ascending, and what each leads to: a cluster of a base, the
// first canonical row of a list.
type Held struct {
	Tokens []token.Token
	Values []uint32
}

// People gives the clusters of b in use, ascending, at most n at a time.
func (b *Base) People(n int) iter.Seq[People] {
	return func(yield func(People) bool) {
		p := People{Codes: make([][]uint8, len(b.codes))}
		give := func() bool {
			for i := range b.codes {
				p.Codes[i] = p.Codes[i][:0]
				of := b.codes[i].Uint8Values()
				for _, id := range p.IDs {
					p.Codes[i] = append(p.Codes[i], of[id])
				}
			}
			ok := yield(p)
			p.IDs = p.IDs[:0]
			return ok
		}
		for w, word := range b.present {
			for ; word != 0; word &= word - 1 {
				if p.IDs = append(p.IDs, uint32(w*64+bits.TrailingZeros64(word))); len(p.IDs) == n && !give() {
					return
				}
			}
		}
		if len(p.IDs) > 0 {
			give()
		}
	}
}

// KindTokens gives the unambiguous tokens of a kind and the clusters that hold them,
// at most n at a time.
func (b *Base) KindTokens(k Kind, n int) iter.Seq[Held] { return b.index[k].held(n) }

// UserKeys gives the tokens of the user keys and their clusters, likewise.
func (b *Base) UserKeys(n int) iter.Seq[Held] { return b.users.held(n) }

// KindTokens gives the tokens of a kind and the first canonical row of each, at most n
// at a time.
func (l *List) KindTokens(k Kind, n int) iter.Seq[Held] { return l.index[k].held(n) }

// Codes gives the codes of each column, by canonical row.
func (l *List) Codes() [][]uint8 {
	out := make([][]uint8, len(l.codes))
	for i := range out {
		out[i] = l.codes[i].Uint8Values()
	}
	return out
}

func (x *tokenIndex) held(n int) iter.Seq[Held] {
	return func(yield func(Held) bool) {
		var h Held
		for begin := 0; begin < len(x.pairs); begin += n {
			h.Tokens, h.Values = h.Tokens[:0], h.Values[:0]
			for _, p := range x.pairs[begin:min(begin+n, len(x.pairs))] {
				h.Tokens, h.Values = append(h.Tokens, p.token()), append(h.Values, p.value())
			}
			if !yield(h) {
				return
			}
		}
	}
}
