package matcher

import (
	"bytes"
	"encoding/binary"
	"errors"

	"awase/crypto/token"
)

// The rows of a list are kept beside it, for its next version is made of them.
// They are its canonical rows in canonical order, each as its number of pairs
// (u16, little-endian) ‖ its encoding, cut between rows into parts.
const partLen = 1 << 20 // bytes of a part; one row may be a few more

// rowParts cuts rows into parts. The nil rowParts drops them.
type rowParts struct {
	put func(part []byte) error
	buf []byte
}

// HandRows makes Build hand out the canonical rows of the list, in parts of
// about 1 MiB, as it sorts them; their bytes are put's only until it returns.
// An error of put ends Build. ListRows reads the parts.
func (b *ListBuilder) HandRows(put func(part []byte) error) { b.handed = &rowParts{put: put} }

// row takes the next canonical row, after its number of pairs.
func (p *rowParts) row(raw []byte) error {
	if len(p.buf) > 0 && len(p.buf)+len(raw) > partLen {
		if err := p.flush(); err != nil {
			return err
		}
	}
	p.buf = append(p.buf, raw...)
	return nil
}

// rowSize is the length of the row that raw begins with, its number of pairs
// included.
func rowSize(raw []byte, columns int) int {
	return 2 + int(binary.LittleEndian.Uint16(raw))*pairLen + columns
}

// flush hands out what is left.
func (p *rowParts) flush() error {
	if p == nil || len(p.buf) == 0 {
		return nil
	}
	err := p.put(p.buf)
	p.buf = p.buf[:0]
	return err
}

// ListRows reads back the rows that a ListBuilder handed out, part by part in
// their order. It is not safe for concurrent use.
type ListRows struct {
	columns []Column
	key     [32]byte
	sums    listSums
	hash    *rangeHash
	at      int // the range of the last row
	rows    int
	last    []byte // encoding of the last row
	tokens  []KindToken
}

// NewListRows begins to read the rows of a list of the given columns, whose
// ListID was made under key.
func NewListRows(columns []Column, key [32]byte) (*ListRows, error) {
	if err := checkColumns(columns); err != nil {
		return nil, err
	}
	columns = cloneColumns(columns)
	return &ListRows{columns: columns, key: key, hash: newRangeHash(key)}, nil
}

// Part gives the rows of the next part to each, which may keep nothing of them.
// Bytes that no ListBuilder hands out are an error that wraps ErrDamaged; rows
// before it have been given. An error of each comes back as it is.
func (r *ListRows) Part(part []byte, each func(*ListRow) error) error {
	for len(part) > 0 {
		enc, pairs, err := r.row(&part)
		if err != nil {
			return err
		}
		if err := each(&ListRow{Tokens: r.tokens, Codes: enc[pairs*pairLen:]}); err != nil {
			return err
		}
	}
	return nil
}

// check is Part for who reads the rows from the part.
func (r *ListRows) check(part []byte) error {
	for len(part) > 0 {
		if _, _, err := r.row(&part); err != nil {
			return err
		}
	}
	return nil
}

// row takes the next row off a part.
func (r *ListRows) row(part *[]byte) (enc []byte, pairs int, err error) {
	if enc, pairs, err = r.cut(*part); err != nil {
		return nil, 0, damaged("rows", err)
	}
	raw := (*part)[:2+len(enc)]
	*part = (*part)[len(raw):]
	if at := rangeOf(enc); at != r.at {
		r.hash.sum(&r.sums[r.at])
		r.at = at
	}
	r.hash.add(raw)
	r.rows++
	r.last = append(r.last[:0], enc...)
	return enc, pairs, nil
}

// cut checks the first row of a part and reads its tokens.
func (r *ListRows) cut(part []byte) (enc []byte, pairs int, err error) {
	if len(part) < 2 {
		return nil, 0, errors.New("a part ends in a row")
	}
	pairs = int(binary.LittleEndian.Uint16(part))
	size := pairs*pairLen + len(r.columns)
	if len(part)-2 < size {
		return nil, 0, errors.New("a part ends in a row")
	}
	enc = part[2 : 2+size]
	if r.rows > 0 && bytes.Compare(r.last, enc) >= 0 {
		return nil, 0, errors.New("rows are not distinct and sorted")
	}
	if int64(r.rows) >= maxRows {
		return nil, 0, errors.New("too many rows")
	}
	r.tokens = r.tokens[:0]
	for p := range pairs {
		one := enc[p*pairLen:][:pairLen]
		t := KindToken{token.Token(one[:token.Size]), Kind(one[token.Size])}
		if t.Kind >= Kinds {
			return nil, 0, errors.New("unknown kind of identifier")
		}
		if p > 0 && compareKindTokens(r.tokens[p-1], t) >= 0 {
			return nil, 0, errors.New("identifiers of a row are not distinct and sorted")
		}
		r.tokens = append(r.tokens, t)
	}
	for i, code := range enc[pairs*pairLen:] {
		if int(code) >= len(r.columns[i].Domain) {
			return nil, 0, errors.New("a code is outside the domain")
		}
	}
	return enc, pairs, nil
}

// End gives the number of the rows read and the ListID of a list of them. That
// they are the rows of a list is what its ID proves. Nothing is read after it.
func (r *ListRows) End() (rows int, id ListID) {
	r.hash.sum(&r.sums[r.at])
	return r.rows, r.sums.id(r.key, r.columns, r.rows)
}
