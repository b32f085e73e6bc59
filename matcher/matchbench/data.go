// Package matchbench makes people and lists whose answer is known, and measures
// package matcher with them.
//
//	Source ──Token, Cell──▶ a base ─┐
//	       ──ListToken────▶ a list ─┴▶ matched and counted ──▶ equal to Answer, or an error
//
// Nobody is real: a token is a mixed number, not a hash of anything, so the
// counts here are nobody's. What Run gives is times and bytes.
package matchbench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"awase/crypto/token"
	"awase/matcher"
)

// The cells: age × gender × prefecture.
const (
	Ages        = 12
	Genders     = 3
	Prefectures = 47
	Cells       = Ages * Genders * Prefectures // 1,692
)

// MaxKinds is how many identifiers a person may have: one email, one phone
// number, one cookie.
const MaxKinds = 3

// maxUsers is half of what a base numbers.
const maxUsers = 1 << 31

// Data describes a base and a list. Equal Data are equal in every bit.
//
// Each of Users people has one token of each kind. Each of List rows has one
// token of each kind as well; a share of the rows, Overlap, is of a user of the
// base. Such a row holds at least one token of its user, which ones differs from
// row to row; the others are of nobody. Some pairs of neighbouring rows have
// changed phone numbers with each other: who matches by token, not by row,
// counts right. No token occurs twice in a kind.
type Data struct {
	Users   int     `json:"users"`
	List    int     `json:"list"` // rows
	Kinds   int     `json:"kinds"`
	Overlap float64 `json:"overlap"` // 0 to 1
	Seed    uint64  `json:"seed"`
}

func (d *Data) check() error {
	switch {
	case d.Users < 1 || d.Users > maxUsers:
		return fmt.Errorf("users: a number from 1 to %d", maxUsers)
	case d.List < 0 || d.List > maxUsers:
		return fmt.Errorf("list: a number from 0 to %d", maxUsers)
	case d.Kinds < 1 || d.Kinds > MaxKinds:
		return fmt.Errorf("kinds: a number from 1 to %d", MaxKinds)
	case !(d.Overlap >= 0 && d.Overlap <= 1):
		return errors.New("overlap: a share from 0 to 1")
	case d.List > d.Users && d.Overlap > 0:
		return errors.New("list: at most as many as there are users, or no overlap")
	}
	return nil
}

// Source makes what Data describes.
type Source struct {
	Data
	seed uint64 // mixed
}

// New gives a source, or an error that names what can't be made.
func New(d Data) (*Source, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	s := &Source{Data: d, seed: mix(d.Seed)}
	return s, nil
}

// What a number is mixed for. Kinds come first.
const (
	forUser = MaxKinds + iota
	forCell
	forRow
)

// number is uniform over 64 bits and of one word different for every i and
// what.
func (s *Source) number(i, what, word int) uint64 {
	return mix((uint64(i)<<3 | uint64(what)) + s.seed + uint64(word)*0x9e3779b97f4a7c15)
}

// mix is SplitMix64 (Steele, Lea, Flood 2014): a bijection.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Shuffled is where i, below n, comes in an order of the numbers below n that
// seed decides: each in another place, without a pattern. It permutes the next
// power of two, again and again until it falls below n (Black & Rogaway, "Ciphers
// with Arbitrary Finite Domains", 2002).
func Shuffled(i, n int, seed uint64) int {
	width := bits.Len(uint(max(n, 2) - 1))
	mask := uint64(1)<<width - 1
	for x := uint64(i); ; {
		for round := range uint64(4) { // each step can be undone modulo a power of two
			x = (x*0x9e3779b97f4a7c15 + mix(seed+round)) & mask
			x ^= x >> (width/2 + 1)
		}
		if x < uint64(n) {
			return int(x)
		}
	}
}

// A Wide is a token before it is cut to ours: sixteen bytes, a width that other
// engines have a type for.
type Wide [16]byte

// Token is the token that ours makes of w.
func (w Wide) Token() token.Token { return token.Token(w[:]) }

func (s *Source) wide(i, what int) (w Wide) {
	binary.BigEndian.PutUint64(w[:], s.number(i, what, 1))
	binary.BigEndian.PutUint64(w[8:], s.number(i, what, 2))
	return w
}

// Token is the token of a kind of user i: uniform, as a PRF's, and distinct.
func (s *Source) Token(kind matcher.Kind, i int) token.Token { return s.Wide(kind, i).Token() }

// Wide is Token before it is cut.
func (s *Source) Wide(kind matcher.Kind, i int) Wide { return s.wide(i, int(kind)) }

// UserToken is the token of the user key of user i.
func (s *Source) UserToken(i int) token.Token { return s.wide(i, forUser).Token() }

// Codes are age, gender and prefecture of user i.
func (s *Source) Codes(i int) [3]uint8 {
	r := s.number(i, forCell, 0)
	return [3]uint8{uint8(r % Ages), uint8(r >> 16 % Genders), uint8(r >> 32 % Prefectures)}
}

// Cell is the cell of user i: the last code varies fastest.
func (s *Source) Cell(i int) uint16 {
	c := s.Codes(i)
	return (uint16(c[0])*Genders+uint16(c[1]))*Prefectures + uint16(c[2])
}

// ListToken is the token of a kind in a row of the list.
func (s *Source) ListToken(kind matcher.Kind, row int) token.Token {
	return s.ListWide(kind, row).Token()
}

// ListWide is ListToken before it is cut.
func (s *Source) ListWide(kind matcher.Kind, row int) Wide {
	person, user, ok := s.owner(kind, row)
	if ok {
		return s.Wide(kind, user)
	}
	return s.wide(s.Users+person, int(kind)) // nobody's
}

// owner is the person on the list who has the token of a kind in a row: mostly
// the row's own. If the token is in the base, it is that of user.
func (s *Source) owner(kind matcher.Kind, row int) (person, user int, ok bool) {
	person = row
	if kind == matcher.Phone && s.number(row/2, forRow, 1)%8 == 0 && row^1 < s.List {
		person = row ^ 1
	}
	if float64(s.number(person, forRow, 2)>>11) >= s.Overlap*(1<<53) {
		return person, 0, false
	}
	// A mask of the kinds that are in the base, never none.
	mask := 1 + s.number(person, forRow, 3)%(1<<s.Kinds-1)
	return person, Shuffled(person, s.Users, s.seed), mask>>kind&1 == 1
}

// Answer is how many users of each cell have a token in the list. It is known
// by who was put there: no token is compared.
func (s *Source) Answer() []int64 {
	matched := make([]uint64, s.Users/64+1)
	for row := range s.List {
		for kind := range matcher.Kind(s.Kinds) {
			if _, user, ok := s.owner(kind, row); ok {
				matched[user/64] |= 1 << (user % 64)
			}
		}
	}
	cells := make([]int64, Cells)
	for w, word := range matched {
		for ; word != 0; word &= word - 1 {
			cells[s.Cell(w*64+bits.TrailingZeros64(word))]++
		}
	}
	return cells
}
