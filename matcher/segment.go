package matcher

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/apache/arrow/go/v17/arrow/array"
)

// metaColumn is the name of the JSON buffer that says what the others are.
const metaColumn = "meta.json"

// segment reads the columns of one segment. It keeps the first error, so that
// opening reads as the list of columns that it is.
type segment struct {
	read func(name string) ([]byte, error)
	err  error
}

// damage notes that column name is not what it should be.
func (s *segment) damage(name string, err error) {
	if s.err == nil && err != nil {
		s.err = damaged(name, err)
	}
}

// get reads a column; nil after an error.
func (s *segment) get(name string) []byte {
	if s.err != nil {
		return nil
	}
	b, err := s.read(name)
	if err != nil {
		s.err = fmt.Errorf("reading column %s: %w", name, err)
		return nil
	}
	return b
}

// meta decodes the JSON buffer into v: known fields only, nothing after them.
func (s *segment) meta(v any) {
	b := s.get(metaColumn)
	if s.err != nil {
		return
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	// The decoder's own errors quote what they could not read: not shown.
	if d.Decode(v) != nil {
		s.damage(metaColumn, errors.New("not the expected JSON"))
		return
	}
	if _, err := d.Token(); err != io.EOF {
		s.damage(metaColumn, errors.New("bytes after the JSON"))
	}
}

// codes reads a column of n codes below limit.
func (s *segment) codes(name string, n, limit int) *array.Uint8 {
	b := s.get(name)
	if s.err == nil && len(b) != n {
		s.damage(name, errors.New("length is not one code a row"))
	}
	if s.err != nil {
		return nil
	}
	within := everywhere(n, func(begin, end int) bool {
		top := uint8(0)
		for _, code := range b[begin:end] {
			top = max(top, code)
		}
		return int(top) < limit
	})
	if !within {
		s.damage(name, errors.New("a code is outside the domain"))
		return nil
	}
	return newUint8s(b)
}

// index reads a column of tokens whose values are below limit.
func (s *segment) index(name string, limit int) tokenIndex {
	b := s.get(name)
	if s.err != nil {
		return tokenIndex{}
	}
	x, err := openIndex(b, limit)
	s.damage(name, err)
	return x
}

// tokens reads a column of distinct, ascending tokens.
func (s *segment) tokens(name string) tokenSet {
	b := s.get(name)
	if s.err != nil {
		return tokenSet{}
	}
	set, err := openTokenSet(b, 1)
	s.damage(name, err)
	return set
}

// kinds opens one thing a kind, all at once; f gets a segment of its own.
func (s *segment) kinds(f func(s *segment, k Kind)) {
	if s.err != nil {
		return
	}
	var (
		wg   sync.WaitGroup
		subs [Kinds]segment
		lock sync.Mutex
	)
	// The caller's function need not be safe for concurrent use.
	read := func(name string) ([]byte, error) {
		lock.Lock()
		defer lock.Unlock()
		return s.read(name)
	}
	for k := range Kinds {
		subs[k].read = read
		wg.Go(func() { f(&subs[k], k) })
	}
	wg.Wait()
	for k := range subs {
		if s.err == nil {
			s.err = subs[k].err
		}
	}
}
