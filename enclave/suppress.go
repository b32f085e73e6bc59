package enclave

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"sync"

	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/enclave/vault"
	"awase/entrustment"
	"awase/matcher"
)

// Who asked for deletion or a stop of use is under a tombstone in every base, those
// loaded later too: their row is read, for it decides which identifiers are ambiguous
// (PRIVACY rule 3), and they are eligible for nothing. A base lifts the requests of a
// user that it was loaded after, where the row says that the user agreed on a later
// day. Each base says it anew: in one that does not, they are out of use again.

// suppressed is the latest request of a user.
type suppressed struct {
	number int64
	day    int32 // JST, counted from 1970-01-01
}

// lifts are the users whose requests a base lifts, each up to the request of a number.
type lifts map[token.Token]int64

// liftedRecord says where it is written whose requests a base lifts.
type liftedRecord struct {
	Segment vault.SegmentRef `json:"segment"`
	Digest  hexID            `json:"digest"` // keyed, of its content
}

const liftedColumn = "lifted"

// suppress notes who a request takes out of use.
func (e *Enclave) suppress(r *requestRecord, users []token.Token) {
	for _, u := range users {
		e.suppressed[u] = suppressed{r.Number, r.day()}
		e.requestsOf[u] = append(e.requestsOf[u], r.Number)
	}
}

// goneBut gives who is under tombstones in a base that lifts some of the requests.
func (e *Enclave) goneBut(l lifts) []token.Token {
	gone := make([]token.Token, 0, len(e.suppressed))
	for u, s := range e.suppressed {
		if l[u] < s.number {
			gone = append(gone, u)
		}
	}
	return gone
}

// bury puts users under tombstones: the population is another from here on.
func (e *Enclave) bury(before hexID, r *requestRecord, users []token.Token) {
	e.suppress(r, users)
	e.gone = append(e.gone, users...)
	if e.state.base == nil {
		return
	}
	now := e.populationNow()
	if b := e.engine.Base(matcher.PopulationID(before)); b != nil {
		e.bring(now, b.WithTombstones(users), e.state.base.Segment)
	}
	e.retire(before)
}

// buried is a base with everybody under tombstones who asked for it.
func buried(b *matcher.Base, gone []token.Token) *matcher.Base {
	if len(gone) == 0 {
		return b
	}
	return b.WithTombstones(gone)
}

// populationOf names what the exact input depends on: a base, which has the name of
// those whose requests it lifts, and the requests so far.
func (e *Enclave) populationOf(b *baseRecord) hexID {
	if b == nil || e.state.requested == (hexID{}) {
		if b == nil {
			return hexID{}
		}
		return b.Population
	}
	mac := hmac.New(sha256.New, e.bases[:])
	mac.Write([]byte("awase population with requests v1"))
	mac.Write(b.Population[:])
	mac.Write(e.state.requested[:])
	return hexID(mac.Sum(nil))
}

func (e *Enclave) populationNow() hexID { return e.populationOf(e.state.base) }

// lifting collects whose requests a base lifts while its rows are read, by several
// goroutines at once.
type lifting struct {
	requests map[token.Token]suppressed // as they were when the load began
	today    int32
	agreed   func(consent int32, s suppressed, today int32) bool

	mu     sync.Mutex
	lifted lifts
}

// lifting begins a load: what is asked for later, it does not lift.
func (e *Enclave) lifting() *lifting {
	e.mu.Lock()
	defer e.mu.Unlock()
	return &lifting{requests: maps.Clone(e.suppressed), today: entrustment.DateOf(e.vault.Log().Now()).Number(), agreed: e.agreed, lifted: lifts{}}
}

// agreedAgain tells whether a consent lifts a request: of a later day, and not of one
// that has not come, which nobody can have agreed on.
func agreedAgain(consent int32, s suppressed, today int32) bool {
	return consent > s.day && consent <= today
}

// row looks at one user, and tells whether a request keeps them out of use.
func (l *lifting) row(u token.Token, p *seal.Person) (out bool) {
	s, asked := l.requests[u]
	if !asked || !l.agreed(p.Consent, s, l.today) {
		return asked
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lifted[u] = s.number
	return false
}

// liftSlots is what the number of users in a lifted segment is rounded up to: its
// size shows little of how many agreed again.
const liftSlots = 256

// bytes gives the content of a lifted segment: u32 how many, then token and number of
// each, by token, and zeros.
func (l lifts) bytes() []byte {
	const each = token.Size + 8
	slots := (len(l)/liftSlots + 1) * liftSlots
	out := binary.BigEndian.AppendUint32(make([]byte, 0, 4+slots*each), uint32(len(l)))
	for _, u := range slices.SortedFunc(maps.Keys(l), func(a, b token.Token) int { return bytes.Compare(a[:], b[:]) }) {
		out = binary.BigEndian.AppendUint64(append(out, u[:]...), uint64(l[u]))
	}
	return append(out, make([]byte, cap(out)-len(out))...)
}

func parseLifts(raw []byte) (lifts, bool) {
	const each = token.Size + 8
	if len(raw) < 4 || int64(binary.BigEndian.Uint32(raw)) > int64(len(raw)-4)/each {
		return nil, false
	}
	out := lifts{}
	for i := range int(binary.BigEndian.Uint32(raw)) {
		b := raw[4+i*each:]
		out[token.Token(b[:token.Size])] = int64(binary.BigEndian.Uint64(b[token.Size:]))
	}
	return out, true
}

// liftedDigest commits to whose requests are lifted; zero: nobody's.
func (e *Enclave) liftedDigest(l lifts) hexID {
	if len(l) == 0 {
		return hexID{}
	}
	mac := hmac.New(sha256.New, e.bases[:])
	mac.Write([]byte("awase lifted v1"))
	mac.Write(l.bytes())
	return hexID(mac.Sum(nil))
}

// writeLifted writes down whose requests a base lifts; nil: there was none to lift.
func (e *Enclave) writeLifted(l *lifting) (*liftedRecord, error) {
	if len(l.requests) == 0 {
		return nil, nil
	}
	w, err := e.vault.NewSegment(rightsKey)
	if err != nil {
		return nil, err
	}
	if err := w.Put(liftedColumn, l.lifted.bytes()); err != nil {
		return nil, errors.Join(err, w.Abort())
	}
	ref, err := w.Commit()
	return &liftedRecord{ref, e.liftedDigest(l.lifted)}, err
}

// readLifted reads, at an opening, whose requests the base lifts, and puts the others
// under tombstones. Where it can't be read nothing is released: the population has
// the name of those that it lifts.
func (e *Enclave) readLifted() {
	l := lifts{}
	if b := e.state.base; b != nil && b.Lifted != nil {
		cols, err := e.vault.ReadSegment(b.Lifted.Segment)
		got, ok := parseLifts(cols[liftedColumn])
		if err != nil || !ok || e.liftedDigest(got) != b.Lifted.Digest {
			e.log.Warn("whose requests the base lifts can't be read back; load the base again", "error", err)
			e.unlifted = true
		} else {
			l = got
		}
	}
	e.gone = e.goneBut(l)
}

// errUnlifted is that a base can't be used until it is loaded again.
var errUnlifted = &entrustment.Error{Code: entrustment.CodeFrozen, Clause: "DESIGN §2 rule 5", Field: "base", Detail: "it can't be read back whose requests this base lifts; nothing new is released until a base is loaded",
	Mend: "load the base again, sealed anew"}

// refs gives the segments of a base.
func (b *baseRecord) refs() []vault.SegmentRef {
	out := []vault.SegmentRef{b.Segment}
	if b.Lifted != nil {
		out = append(out, b.Lifted.Segment)
	}
	if b.Particulars != nil {
		out = append(out, b.Particulars.Segment)
	}
	if b.UserKeys != nil && !b.UserKeys.Long {
		out = append(out, b.UserKeys.Segment)
	}
	for i := range b.Hashes {
		out = append(out, b.Hashes[i].Segment)
	}
	return out
}
