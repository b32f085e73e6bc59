package aggregator

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"awase/entrustment"
	"awase/matcher"
)

// SpecID is the identity of a canonical question: equal questions have equal
// SpecIDs, and everything the exact cells depend on is in it (PRIVACY rule 4).
type SpecID [32]byte

// String gives the id in hex.
func (id SpecID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText gives the id in hex.
func (id SpecID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the id from hex.
func (id *SpecID) UnmarshalText(b []byte) error { return unhex(id[:], b) }

// Dim is a dimension of a spec: public, declared, ordered.
type Dim struct {
	Source matcher.DimSource
	Name   string
	Domain []string
	Step   int // days of a value, of a dimension over days

	Share *matcher.Share // of a dimension of who is assigned to a campaign's holdout
}

// Spec is a canonical question of one table. Only Compile makes one, so its
// parts are sorted and checked.
type Spec struct {
	Population matcher.PopulationID
	Eligible   matcher.Eligibility
	List       matcher.ListID // zero: the base alone
	Dims       []Dim          // sorted by name
	Where      *matcher.Where // canonical; nil: everyone
	Sigma      int64          // noise of the users measure
	WithTotal  bool           // a separately charged total
	Kind       specKind       // of table
	Events     *EventSpec     // nil: no event is read
	Measures   []Measure      // beside users, in their fixed order
}

// specKind is the kind of table that a spec asks for.
type specKind string

const (
	kindTable specKind = ""     // cells under both locks
	kindSize  specKind = "size" // one number, with the noisy lock alone (PRIVACY rule 6)
	kindCube  specKind = "cube" // noisy cells kept for sizes, with the noisy lock alone (rule 7)

	kindDelivery specKind = "delivery" // the size of an audience that is handed over, likewise (rule 12)
)

// specVersion is bumped when the encoding or its meaning changes.
const specVersion = "awase.spec/v3"

// encoder writes length-prefixed parts, so that no two different specs have
// one encoding.
type encoder []byte

func (e *encoder) bytes(b []byte) {
	*e = append(binary.BigEndian.AppendUint32(*e, uint32(len(b))), b...)
}
func (e *encoder) text(s string)  { e.bytes([]byte(s)) }
func (e *encoder) number(n int64) { *e = binary.BigEndian.AppendUint64(*e, uint64(n)) }
func (e *encoder) flag(b bool) {
	if b {
		*e = append(*e, 1)
	} else {
		*e = append(*e, 0)
	}
}
func (e *encoder) texts(list []string) {
	e.number(int64(len(list)))
	for _, s := range list {
		e.text(s)
	}
}

// encode gives the one encoding of a spec.
func (s *Spec) encode() []byte {
	var e encoder
	e.text(specVersion)
	e.bytes(s.Population[:])
	e.text(string(s.Eligible.Flow))
	e.text(string(s.Eligible.Purpose))
	e.flag(s.Eligible.ByPolicy)
	e.texts(s.Eligible.Versions)
	e.text(s.Eligible.Service)
	e.flag(s.Eligible.Enquiry)
	e.bytes(s.List[:])
	e.number(int64(len(s.Dims)))
	for _, d := range s.Dims {
		e.number(int64(d.Source))
		e.text(d.Name)
		e.texts(d.Domain)
		e.number(int64(d.Step))
		if d.Share != nil {
			encodeShare(&e, d.Share)
		}
	}
	e.flag(s.Where != nil)
	if s.Where != nil {
		e.bytes(encodeWhere(s.Where))
	}
	e.text("users")
	e.number(s.Sigma)
	e.flag(s.WithTotal)
	e.text(string(s.Kind))
	s.encodeEvents(&e)
	return e
}

// ID gives the spec's identity.
func (s *Spec) ID() SpecID { return sha256.Sum256(s.encode()) }

// cells gives the number of declared cells.
func (s *Spec) cells() int {
	n := 1
	for _, d := range s.Dims {
		n *= len(d.Domain)
	}
	return n
}

// query gives what the engine is asked.
func (s *Spec) query() matcher.Query {
	q := matcher.Query{Population: s.Population, Eligible: s.Eligible, List: s.List, Where: s.Where, Events: s.eventQuery(), Attribution: s.creditQuery()}
	for _, d := range s.Dims {
		dim := matcher.Dim{Source: d.Source, Name: d.Name, Size: d.engineSize(), Step: d.Step, Share: d.Share}
		if d.Source == matcher.Frequency {
			dim.Name, dim.Bounds = string(entrustment.EventImpression), frequencyBounds
		}
		q.Dims = append(q.Dims, dim)
	}
	return q
}

// price gives the ρ in nano and the δ in 1e-15 of the spec's table: the locks
// of the cells and of the other row cost δ each (there is no other row where
// somebody may be in two cells), each measure costs ρ, a separate total doubles
// that and has the noisy lock alone (PRIVACY §4.3-5).
func (s *Spec) price(p *Policy) (rhoNano, deltaE15 int64) {
	rhoNano = gaussianRho(s.Sigma) * int64(1+len(s.Measures))
	if s.WithTotal {
		rhoNano *= 2
	}
	if s.Kind != kindTable {
		return rhoNano, 0
	}
	if s.cellsOfOne() > 1 {
		return rhoNano, p.DeltaThrE15
	}
	return rhoNano, 2 * p.DeltaThrE15
}

// Tags of the encoding of a condition.
const (
	tagAll = iota + 1
	tagAny
	tagNot
	tagIn
	tagList
	tagEvent
	tagShare
)

// encodeShare writes a share. Its key is secret, and of 128 random bits: the hash of
// the encoding tells nothing of it.
func encodeShare(e *encoder, s *matcher.Share) {
	e.bytes(s.Key[:])
	e.number(int64(s.From))
	e.number(int64(s.To))
}

func encodeWhere(w *matcher.Where) []byte {
	var e encoder
	switch {
	case w.In != nil:
		e = append(e, tagIn, byte(w.In.Source))
		e.text(w.In.Column)
		e.bytes(w.In.Codes)
	case w.List != nil:
		e = append(e, tagList)
		e.bytes(w.List[:])
	case w.Event != nil:
		e = append(e, tagEvent)
		e.number(int64(len(w.Event.Logs)))
		for _, l := range w.Event.Logs {
			e.bytes(l[:])
		}
		e.text(w.Event.Category)
		e.number(int64(w.Event.From))
		e.number(int64(w.Event.To))
		e.number(w.Event.N)
	case w.Share != nil:
		e = append(e, tagShare)
		encodeShare(&e, w.Share)
	case w.Not != nil:
		e = append(e, tagNot)
		e.bytes(encodeWhere(w.Not))
	case w.Any != nil:
		e = append(e, tagAny)
		encodeList(&e, w.Any)
	default:
		e = append(e, tagAll)
		encodeList(&e, w.All)
	}
	return e
}

func encodeList(e *encoder, list []matcher.Where) {
	e.number(int64(len(list)))
	for i := range list {
		e.bytes(encodeWhere(&list[i]))
	}
}

// nobody and everyone are the two constant conditions.
func nobody() matcher.Where   { return matcher.Where{Any: []matcher.Where{}} }
func everyone() matcher.Where { return matcher.Where{All: []matcher.Where{}} }

func isNobody(w *matcher.Where) bool   { return w.Any != nil && len(w.Any) == 0 }
func isEveryone(w *matcher.Where) bool { return w.All != nil && len(w.All) == 0 }

// canonical rewrites a condition by rule 5: flattening, sorting,
// de-duplicating, double negation, constants; the complement of a set of codes
// is a set of codes. size gives the number of values of a column. The result is
// equivalent to w; equivalents that it does not recognise are charged again,
// never under-charged.
func canonical(w matcher.Where, size func(*matcher.InCodes) int) matcher.Where {
	switch {
	case w.In != nil:
		codes := slices.Compact(slices.Sorted(slices.Values(w.In.Codes)))
		switch len(codes) {
		case 0:
			return nobody()
		case size(w.In):
			return everyone()
		}
		return matcher.Where{In: &matcher.InCodes{Source: w.In.Source, Column: w.In.Column, Codes: codes}}
	case w.Not != nil:
		return negate(canonical(*w.Not, size), size)
	case w.Any != nil:
		return combine(w.Any, size, true)
	case w.List != nil, w.Event != nil, w.Share != nil:
		return w
	default:
		return combine(w.All, size, false)
	}
}

func negate(in matcher.Where, size func(*matcher.InCodes) int) matcher.Where {
	switch {
	case in.Not != nil:
		return *in.Not
	case isNobody(&in):
		return everyone()
	case isEveryone(&in):
		return nobody()
	case in.In != nil:
		rest := make([]uint8, 0, size(in.In))
		for c := range size(in.In) {
			if _, ok := slices.BinarySearch(in.In.Codes, uint8(c)); !ok {
				rest = append(rest, uint8(c))
			}
		}
		return matcher.Where{In: &matcher.InCodes{Source: in.In.Source, Column: in.In.Column, Codes: rest}}
	}
	return matcher.Where{Not: &in}
}

// combine canonicalises a disjunction (any) or a conjunction.
func combine(parts []matcher.Where, size func(*matcher.InCodes) int, any bool) matcher.Where {
	absorbs, vanishes := isNobody, isEveryone
	if any {
		absorbs, vanishes = isEveryone, isNobody
	}
	flat := []matcher.Where{}
	for _, p := range parts {
		c := canonical(p, size)
		switch {
		case absorbs(&c):
			return c
		case vanishes(&c):
		case any && c.Any != nil:
			flat = append(flat, c.Any...)
		case !any && c.All != nil:
			flat = append(flat, c.All...)
		default:
			flat = append(flat, c)
		}
	}
	type keyed struct {
		key string
		w   matcher.Where
	}
	sorted := make([]keyed, len(flat))
	for i := range flat {
		sorted[i] = keyed{string(encodeWhere(&flat[i])), flat[i]}
	}
	slices.SortFunc(sorted, func(a, b keyed) int {
		switch {
		case a.key < b.key:
			return -1
		case a.key > b.key:
			return 1
		}
		return 0
	})
	sorted = slices.CompactFunc(sorted, func(a, b keyed) bool { return a.key == b.key })
	if len(sorted) == 1 {
		return sorted[0].w
	}
	out := make([]matcher.Where, len(sorted))
	for i := range sorted {
		out[i] = sorted[i].w
	}
	if any {
		return matcher.Where{Any: out}
	}
	return matcher.Where{All: out}
}
