package intake

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"math/bits"
	"slices"

	"awase/crypto/identifier"
	"awase/crypto/seal"
	"awase/intake/table"
)

// maxUserKey is the longest user key, in bytes.
const maxUserKey = 512

// batch is a converted chunk.
type batch struct {
	rows  []seal.Row
	slab  *slab // of the rows; nil where there are none
	tally *tally
	bytes int64 // of the file read
	err   error
}

// worker converts chunks, one at a time.
type worker struct {
	*plan
	norm    *identifier.Normaliser
	dup     *distinct // nil: not counted
	sums    []identifier.Sum
	scratch []byte
	hashes  []uint64
	late    pending // of dup
	values  map[string]string

	*slab // of the batch under way
	free  chan *slab
	t     *tally
}

// slab is the memory of a batch. It is used again when the batch's receiver has
// asked for another: fresh memory costs as much as hashing what goes into it.
type slab struct {
	rows    []seal.Row
	found   []seal.Identifier
	coded   []uint8
	persons []seal.Person
	events  []seal.Event
	keys    []byte
}

// reset makes room. Where it is too little, what was appended before stays where
// the rows point to.
func (s *slab) reset(rows, ids, codes int, base, events bool) {
	s.rows = slices.Grow(s.rows[:0], rows)
	s.found = slices.Grow(s.found[:0], ids)
	s.coded = slices.Grow(s.coded[:0], codes)
	s.persons, s.events, s.keys = s.persons[:0], s.events[:0], s.keys[:0]
	if base {
		s.persons = slices.Grow(s.persons, rows)
	}
	if events {
		s.events = slices.Grow(s.events, rows)
	}
}

// keep gives a copy of a user key.
func (s *slab) keep(k []byte) []byte {
	if len(k) == 0 {
		return nil
	}
	from := len(s.keys)
	s.keys = append(s.keys, k...)
	return s.keys[from:len(s.keys):len(s.keys)]
}

func newWorker(p *plan, dup *distinct, free chan *slab) (*worker, error) {
	norm, err := identifier.New(p.region)
	if err != nil {
		return nil, fault(table.SortOther, p.file, err.Error(), "mend region: in the schema")
	}
	return &worker{plan: p, norm: norm, dup: dup, free: free}, nil
}

// convert makes rows of a chunk. A panic below is an internal error: nothing of
// the file may be kept, and its text may hold a value.
func (w *worker) convert(c *table.Chunk) (b batch) {
	defer func() {
		if p := recover(); p != nil {
			b = batch{err: fmt.Errorf("convert rows %d to %d of %s: internal error", c.Lines[0], c.Lines[len(c.Lines)-1], w.file)}
		}
	}()
	n := c.Rows()
	w.t = newTally(len(w.names))
	select {
	case w.slab = <-w.free:
	default:
		w.slab = &slab{}
	}
	w.reset(n, n*w.guess(), n*len(w.codes), w.base, w.plan.events != nil)
	w.hashes = w.hashes[:0]
	plain := ascii(c.Data)
	nul := bytes.IndexByte(c.Data, 0) >= 0
	for r := range n {
		w.t.rows++
		if row, ok := w.row(c, r, plain, nul); ok {
			w.rows = append(w.rows, row)
		}
	}
	w.t.accepted = int64(len(w.rows))
	if w.dup != nil {
		w.dup.add(w.hashes, &w.late)
	}
	return batch{rows: w.rows, slab: w.slab, tally: w.t, bytes: c.Read}
}

// guess is how many identifiers a row has: one a column, and in a base the
// several hashes of each.
func (w *worker) guess() int {
	if w.wide {
		return 3 * len(w.plan.ids)
	}
	return len(w.plan.ids)
}

// row converts row r. It is false where the row is rejected or left out.
func (w *worker) row(c *table.Chunk, r int, plain, nul bool) (seal.Row, bool) {
	line := c.Lines[r]
	if c.Extra(r) {
		return w.reject(line, "", reasonExtraColumns)
	}
	if isHeader(c, r, w.names) {
		return w.reject(line, "", reasonHeader)
	}
	for i := range w.names {
		cell := c.Cell(r, i)
		if len(cell) > 0 {
			w.t.columns[i].Filled++
			if nul && bytes.IndexByte(cell, 0) >= 0 {
				return w.refuse(line, i, reasonNUL)
			}
		}
	}
	if w.consent != absent {
		if yes, known := truth(c.Cell(r, w.consent)); !yes {
			if !known {
				w.unclear(line, w.consent)
			}
			w.t.noConsent++
			return seal.Row{}, false
		}
	}
	if w.plan.events != nil {
		return w.eventRow(c, r, line, plain)
	}
	var row seal.Row
	if w.base {
		person, reason, slot := w.person(c, r)
		if reason != "" {
			return w.refuse(line, slot, reason)
		}
		row.Person = person
	}
	var key []byte
	if w.header.Keyed {
		var reason string
		if key, reason = userKey(c, r, w.key); reason != "" {
			return w.refuse(line, w.key, reason)
		}
	}
	from := len(w.found)
	ok, repaired := w.identify(c, r, line, plain)
	if !ok {
		w.found = w.found[:from]
		w.t.rejected++
		return seal.Row{}, false
	}
	if repaired {
		w.t.repaired++
	}
	row.Identifiers = w.found[from:len(w.found):len(w.found)]
	if len(row.Identifiers) == 0 && !w.base {
		return w.reject(line, "", reasonNoIdentifier)
	}
	row.Codes, row.User = w.encode(c, r), w.keep(key)
	if w.dup != nil {
		w.hashes = append(w.hashes, w.fingerprint(&row))
	}
	return row, true
}

// isHeader tells whether row r is the header again, as files put one after the
// other have it.
func isHeader(c *table.Chunk, r int, names []string) bool {
	for i, name := range names {
		if string(c.Cell(r, i)) != name {
			return false
		}
	}
	return true
}

// refuse rejects a row for the cell in one of its columns.
func (w *worker) refuse(line int64, slot int, reason string) (seal.Row, bool) {
	w.t.columns[slot].Refused++
	return w.reject(line, w.names[slot], reason)
}

func (w *worker) reject(line int64, column, reason string) (seal.Row, bool) {
	w.t.fault(line, column, "", reason, "")
	w.t.rejected++
	return seal.Row{}, false
}

// identify appends the identifiers of row r to w.found. It is false when the row
// is to be rejected: in a list one bad identifier rejects the row, in a base and
// in a list that removes it is left out. Either way each one is noted.
func (w *worker) identify(c *table.Chunk, r int, line int64, plain bool) (ok, repaired bool) {
	ok = true
	from := len(w.found)
	for i := range w.plan.ids {
		id := &w.plan.ids[i]
		cell := c.Cell(r, id.slot)
		if len(cell) == 0 {
			continue
		}
		if !plain && !readable(cell) {
			w.t.columns[id.slot].Refused++
			w.t.fault(line, w.names[id.slot], id.kind.String(), encodingReason(cell), "")
			ok = ok && w.wide
			continue
		}
		rep, err := w.sum(id, cell)
		if err != nil {
			var e *identifier.Error
			if !errors.As(err, &e) {
				e = &identifier.Error{Reason: "unreadable"}
			}
			if e.Reason == identifier.ReasonEmpty {
				continue
			}
			w.t.columns[id.slot].Refused++
			w.t.fault(line, w.names[id.slot], id.kind.String(), string(e.Reason), e.Mend)
			ok = ok && w.wide
			continue
		}
		// Dashes and brackets are how a phone number is written, not a fault.
		if rep &^= identifier.RepairSeparators; rep != 0 {
			w.t.repairs[rep]++
			w.t.columns[id.slot].Repaired++
			repaired = true
		}
		w.addDistinct(from, id.header)
	}
	return ok, repaired
}

// sum puts the hashes of a cell into w.sums.
func (w *worker) sum(id *idColumn, cell []byte) (rep identifier.Repair, err error) {
	w.sums = w.sums[:0]
	if id.kind == identifier.Phone {
		if cell, rep, err = spreadsheetNumber(cell); err != nil {
			return 0, err
		}
	}
	more := rep
	if len(cell) == 64 { // as most hashes come: one pass over the digits
		var h identifier.Hash
		if _, err := hex.Decode(h[:], cell); err == nil && (id.kind != identifier.Cookie || id.hashed) {
			w.t.columns[id.slot].Hashed++
			w.sums = append(w.sums, identifier.Sum{Class: id.class, Hash: h})
			return 0, nil
		}
	}
	if len(cell) >= 32 && (id.kind != identifier.Cookie || id.hashed) {
		if hash, err := w.hashOf(id, cell); err != nil {
			return 0, err
		} else if hash {
			return 0, nil
		}
	}
	switch {
	case w.wide:
		w.sums, rep, err = w.norm.AppendBase(w.sums, id.kind, cell)
	case id.class != identifier.Common:
		var text []byte
		if text, rep, err = w.norm.Normalise(id.profile, id.kind, cell); err == nil {
			w.sums = append(w.sums, identifier.Sum{Class: id.class, Hash: sha256.Sum256(text)})
		}
	default:
		w.sums, rep, err = w.norm.AppendList(w.sums, id.kind, cell)
	}
	return rep | more, err
}

// hashOf puts a cell that is a hash into w.sums and tells whether it is one.
// What is a hash, but no whole SHA-256, is an error.
func (w *worker) hashOf(id *idColumn, cell []byte) (bool, error) {
	form := identifier.Detect(cell)
	switch {
	case form.Hashed():
	case form == identifier.MD5, form == identifier.SHA1, form == identifier.OtherHex:
		if id.kind == identifier.MAID { // a UUID without its dashes has a mend of its own
			return false, nil
		}
	default:
		return false, nil
	}
	h, err := identifier.ParseHash(cell)
	if err != nil {
		return false, err
	}
	w.t.columns[id.slot].Hashed++
	w.sums = append(w.sums, identifier.Sum{Class: id.class, Hash: h})
	return true, nil
}

// addDistinct appends w.sums, without those that the row has already.
func (w *worker) addDistinct(from int, header uint8) {
	have := len(w.found)
	if have == from && len(w.sums) == 1 { // as in nearly every row of a list
		w.found = append(w.found, seal.Identifier{Column: header, Class: uint8(w.sums[0].Class), Hash: w.sums[0].Hash})
		return
	}
next:
	for i := range w.sums {
		sum := &w.sums[i]
		for j := from; j < have; j++ {
			if f := &w.found[j]; f.Column == header && f.Class == uint8(sum.Class) && f.Hash == sum.Hash {
				continue next
			}
		}
		w.found = append(w.found, seal.Identifier{Column: header, Class: uint8(sum.Class), Hash: sum.Hash})
	}
}

// encode gives the codes of row r.
func (w *worker) encode(c *table.Chunk, r int) []uint8 {
	from := len(w.coded)
	for i := range w.codes {
		col := &w.codes[i]
		cell := c.Cell(r, col.slot)
		code, understood := col.coder.Code(cell)
		if !understood {
			w.t.columns[col.slot].Unreadable++
			w.explain(c.Lines[r], col, cell)
		}
		w.coded = append(w.coded, code)
	}
	return w.coded[from:len(w.coded):len(w.coded)]
}

// explain notes why a value is unknown. The row stays.
func (w *worker) explain(line int64, col *codeColumn, cell []byte) {
	switch {
	case !readable(cell):
		w.t.fault(line, w.names[col.slot], "", encodingReason(cell), "")
	case col.birth && serialDay(cell):
		w.t.fault(line, w.names[col.slot], "", reasonSerial, "")
	default:
		w.t.fault(line, w.names[col.slot], "", reasonUnknown, "")
	}
}

// unclear notes a cell that is neither yes nor no.
func (w *worker) unclear(line int64, slot int) {
	w.t.columns[slot].Unreadable++
	w.t.fault(line, w.names[slot], "", reasonNoFlag, "")
}

// fingerprintSeed is one process's: fingerprints are never stored.
var fingerprintSeed = maphash.MakeSeed()

// fingerprint gives 64 bits of a list row's whole content. Its hashes are
// random as they are; folding keeps their order.
func (w *worker) fingerprint(row *seal.Row) uint64 {
	print := uint64(0)
	for i := range row.Identifiers {
		id := &row.Identifiers[i]
		print = mix(print^binary.LittleEndian.Uint64(id.Hash[:8]), uint64(id.Column)<<8|uint64(id.Class))
	}
	for _, more := range [...][]byte{row.Codes, row.User} {
		if len(more) > 0 {
			print = mix(print, maphash.Bytes(fingerprintSeed, more))
		}
	}
	return print
}

// mix folds two numbers into one: the halves of a product of 128 bits, with an
// odd number of random bits (that of SplitMix64).
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^b<<17^b, 0x9E3779B97F4A7C15)
	return hi ^ lo + b
}
