// Package people makes up people: a Japanese population for the demo, the
// tests and the benchmarks, a client's list that overlaps with it, and the
// documents that belong to both.
//
//	Options{Users, Seed} ──WriteBaseCSV, WriteBaseParquet──▶ the operator's users
//	Options{…, Rows}     ──WriteList──▶ a client's list, messy or hashed
//	                     ──WriteLeft, WriteNew──▶ who left it, who is new
//	Options{…}           ──WriteOwnEvents, WriteAdEvents──▶ page views, a log of advertisements
//	                     ──WritePartnerList, WritePartnerEvents──▶ an ad platform's people and log
//	the census of 1994   ──WriteAdultBase, WriteAdultList──▶ real people, made-up identifiers
//
// The same Options give the same bytes on one kind of machine. Person n is a function of the seed and
// n alone, so any number of them streams in constant memory.
//
// Nobody here exists. Names are joined from lists of common ones; mailboxes
// carry a nine-digit serial number. Phone numbers are drawn from Japan's
// mobile ranges, which no block is reserved in for examples: one may be a
// number that somebody holds. Nothing is ever sent anywhere.
package people

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
)

// Options is how many people are made, and which.
type Options struct {
	Users int    // the operator's users; 0: 1,000,000
	Rows  int    // rows of the client's list; 0: a fifth of Users
	Seed  uint64 // another seed gives other people
}

// KnownShare is the share of a list's rows that are users of the base.
const KnownShare = 0.6

// maxPeople keeps the serial numbers of mailboxes and phones unique.
const maxPeople = 100_000_000

func (o Options) checked() (Options, error) {
	if o.Users == 0 {
		o.Users = 1_000_000
	}
	if o.Rows == 0 {
		o.Rows = o.Users / 5
	}
	switch {
	case o.Users < 1 || o.Rows < 1 || o.Users > maxPeople/2 || o.Rows > maxPeople/2:
		return o, fmt.Errorf("people: users and rows are between 1 and %d", maxPeople/2)
	case int(float64(o.Rows)*KnownShare) > o.Users:
		return o, fmt.Errorf("people: a list of %d rows knows more people than there are users; make at least %d users",
			o.Rows, int(float64(o.Rows)*KnownShare))
	}
	return o, nil
}

// The streams: what is drawn for one purpose never moves what is drawn for
// another.
const (
	streamPerson uint64 = iota + 1
	streamChoose
	streamList
	streamShuffle
	streamAdult
	streamAdultList
	streamViews
	streamAds
	streamNew
	streamPartner
	streamWatched
	streamShop
	streamServed
)

// dice is a source that is set anew for each person.
type dice struct {
	pcg  *rand.PCG
	seed uint64
}

func newDice(seed uint64) *dice { return &dice{pcg: rand.NewPCG(0, 0), seed: seed} }

// cast sets the source to person n of a stream.
func (d *dice) cast(stream uint64, n int) {
	d.pcg.Seed(mix(d.seed+stream*0x9e3779b97f4a7c15), mix(uint64(n)+stream<<56))
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014): neighbours in,
// strangers out.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// below gives a number in [0, n). Its bias, n in 2⁶⁴, is of no matter here.
func (d *dice) below(n int) int {
	hi, _ := bits.Mul64(d.pcg.Uint64(), uint64(n))
	return int(hi)
}

// unit gives a number in [0, 1).
func (d *dice) unit() float64 { return float64(d.pcg.Uint64()>>11) / (1 << 53) }

// chance is true with probability p.
func (d *dice) chance(p float64) bool { return d.unit() < p }

// normal gives a standard normal number, by the sum of twelve uniform ones:
// its tails end at six, which suits salaries.
func (d *dice) normal() float64 {
	sum := -6.0
	for range 12 {
		sum += d.unit()
	}
	return sum
}

// weights draws an index by cumulative weight.
type weights struct {
	ends  []int
	total int
}

func newWeights(ws ...int) weights {
	w := weights{ends: make([]int, len(ws))}
	for i, v := range ws {
		w.total += v
		w.ends[i] = w.total
	}
	return w
}

func (w weights) draw(d *dice) int {
	x := d.below(w.total)
	lo, hi := 0, len(w.ends)-1
	for lo < hi {
		mid := (lo + hi) / 2
		if x < w.ends[mid] {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}
