package matcher

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/apache/arrow/go/v17/arrow/array"
)

// List is one immutable version of a list: per kind its distinct tokens, each
// with the first canonical row that holds it, and the columns by canonical
// row. It is safe for concurrent use.
type List struct {
	id      ListID
	columns []Column
	rows    int
	index   [Kinds]tokenIndex // token → smallest canonical row
	codes   []*array.Uint8    // one for each column, by canonical row
}

// ID names the content of the list: equal for the same rows in any order, any
// number of times.
func (l *List) ID() ListID { return l.id }

// Rows is how many distinct rows the list has. It is a fact about the list
// alone.
func (l *List) Rows() int { return l.rows }

// Tokens is how many distinct identifiers the list has, over all kinds. It is
// a fact about the list alone.
func (l *List) Tokens() int {
	n := 0
	for k := range l.index {
		n += l.index[k].len()
	}
	return n
}

// Schema gives the declared columns of the list, in order. The slices are the
// caller's.
func (l *List) Schema() []Column { return cloneColumns(l.columns) }

const listSchema = "awase.matcher.list/v2"

// listMeta is the JSON buffer of a list.
type listMeta struct {
	Schema  string   `json:"schema"`
	ID      string   `json:"id"` // hex
	Rows    int      `json:"rows"`
	Columns []Column `json:"columns"`
}

// Columns gives the buffers of the list for the vault, as (*Base).Columns does.
func (l *List) Columns() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		meta, err := json.Marshal(listMeta{listSchema, hex.EncodeToString(l.id[:]), l.rows, l.columns})
		if err != nil { // strings and numbers: encoding can't fail
			return
		}
		ok := yield(metaColumn, meta)
		for i := 0; ok && i < len(l.codes); i++ {
			ok = yield(codeColumn(i), bytesOf(l.codes[i]))
		}
		for k := Kind(0); ok && k < Kinds; k++ {
			ok = yield(indexColumn(k), l.index[k].bytes())
		}
	}
}

// OpenList puts together a list from its Columns, as OpenBase does a base. The
// ID is taken as written: the rows it was made of are not kept, so that it
// belongs to these columns is what the vault's seal proves.
func OpenList(read func(name string) ([]byte, error)) (*List, error) {
	if err := checkMachine(); err != nil {
		return nil, err
	}
	s := &segment{read: read}
	var meta listMeta
	s.meta(&meta)
	l := &List{}
	s.damage(metaColumn, meta.check(&l.id))
	l.rows, l.columns = meta.Rows, meta.Columns
	for i := range meta.Columns {
		l.codes = append(l.codes, s.codes(codeColumn(i), meta.Rows, len(meta.Columns[i].Domain)))
	}
	s.kinds(func(s *segment, k Kind) {
		l.index[k] = s.index(indexColumn(k), meta.Rows)
	})
	if s.err != nil {
		return nil, s.err
	}
	return l, nil
}

func (m *listMeta) check(id *ListID) error {
	if m.Schema != listSchema {
		return errors.New("schema is not " + listSchema)
	}
	raw, err := hex.DecodeString(m.ID)
	if err != nil || len(raw) != len(id) || [32]byte(raw) == [32]byte{} {
		return fmt.Errorf("id is not %d bytes in hex", len(id))
	}
	*id = ListID(raw)
	if m.Rows < 0 || int64(m.Rows) > maxRows {
		return errors.New("number of rows is out of range")
	}
	if checkColumns(m.Columns) != nil {
		return errors.New("columns can't be")
	}
	return nil
}
