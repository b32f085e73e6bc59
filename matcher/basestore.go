package matcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/bits"
)

const baseSchema = "awase.matcher.base/v2"

// baseMeta is the JSON buffer of a base.
type baseMeta struct {
	Schema    string     `json:"schema"`
	Clusters  int        `json:"clusters"` // ids given out
	Columns   []Column   `json:"columns"`
	Standings []standing `json:"standings"`
}

func codeColumn(i int) string { return fmt.Sprintf("code.%d", i) }

// presentColumn marks the clusters in use.
const presentColumn = "present"

// userColumn is the index of the users.
const userColumn = "user"

// indexColumn names the index of a kind.
func indexColumn(k Kind) string { return fmt.Sprintf("index.%d", k) }

func ambiguousColumn(k Kind) string { return fmt.Sprintf("ambiguous.%d", k) }

// Columns gives the buffers of the base for the vault, each with a name of its
// own: flat little-endian values, and one JSON buffer. They are the memory of
// the base, not copies: read only. Their content is personal data.
func (b *Base) Columns() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		meta, err := json.Marshal(baseMeta{baseSchema, b.clusters(), b.columns, b.standings})
		if err != nil { // strings, numbers and booleans: encoding can't fail
			return
		}
		ok := yield(metaColumn, meta) &&
			yield(userColumn, b.users.bytes()) &&
			yield(presentColumn, bytesOf(b.presentA)) &&
			yield("standing", bytesOf(b.standing))
		for i := 0; ok && i < len(b.codes); i++ {
			ok = yield(codeColumn(i), bytesOf(b.codes[i]))
		}
		for k := Kind(0); ok && k < Kinds; k++ {
			ok = yield(indexColumn(k), b.index[k].bytes()) &&
				yield(ambiguousColumn(k), b.ambiguous[k].bytes())
		}
	}
}

// OpenBase puts together a base from its Columns. read gives the buffer of a
// name; the base keeps the buffers and nobody may write to them afterwards.
//
// Every column is checked in full, so no later count can go out of bounds or
// read an index out of order. An error that is not read's own wraps
// ErrDamaged and names the column.
func OpenBase(read func(name string) ([]byte, error)) (*Base, error) {
	if err := checkMachine(); err != nil {
		return nil, err
	}
	s := &segment{read: read}
	var meta baseMeta
	s.meta(&meta)
	s.damage(metaColumn, meta.check())

	b := &Base{columns: meta.Columns, standings: meta.Standings}
	b.users = s.index(userColumn, meta.Clusters)
	s.present(b, meta.Clusters)
	s.standing(b, meta.Clusters)
	for i := range meta.Columns {
		b.codes = append(b.codes, s.codes(codeColumn(i), meta.Clusters, len(meta.Columns[i].Domain)))
	}
	s.kinds(func(s *segment, k Kind) {
		b.index[k] = s.index(indexColumn(k), meta.Clusters)
		if s.err == nil {
			b.index[k].directory() // now, not in the first question
		}
		b.ambiguous[k] = s.tokens(ambiguousColumn(k))
		if s.err != nil {
			return
		}
		there := b.users.len() == meta.Clusters || // every id is in use: no need to look
			everywhere(b.index[k].len(), func(begin, end int) bool {
				for _, p := range b.index[k].pairs[begin:end] {
					if !b.present.has(p.value()) {
						return false
					}
				}
				return true
			})
		if !there {
			s.damage(indexColumn(k), errors.New("a token leads to a cluster that is not there"))
			return
		}
		if overlap(&b.index[k], &b.ambiguous[k]) {
			s.damage(indexColumn(k), errors.New("an ambiguous token is indexed"))
		}
	})
	if s.err != nil {
		return nil, s.err
	}
	return b, nil
}

func (m *baseMeta) check() error {
	if m.Schema != baseSchema {
		return errors.New("schema is not " + baseSchema)
	}
	if m.Clusters < 0 || int64(m.Clusters) > maxRows {
		return errors.New("number of clusters is out of range")
	}
	if checkColumns(m.Columns) != nil {
		return errors.New("columns can't be")
	}
	if len(m.Standings) > maxStandings {
		return errors.New("too many standings")
	}
	for i := 1; i < len(m.Standings); i++ {
		if compareStandings(m.Standings[i-1], m.Standings[i]) >= 0 {
			return errors.New("standings are not distinct and sorted")
		}
	}
	return nil
}

// present reads the clusters in use: exactly those that one user has each.
func (s *segment) present(b *Base, n int) {
	const name = presentColumn
	buf := s.get(name)
	if s.err != nil {
		return
	}
	var err error
	if b.presentA, b.present, err = openBitmap(buf, n); err != nil {
		s.damage(name, err)
		return
	}
	used := newBitmap(n)
	for _, user := range b.users.pairs {
		used.set(user.value())
	}
	many := 0
	for w := range used {
		many += bits.OnesCount64(used[w])
		if used[w] != b.present[w] {
			s.damage(name, errors.New("differs from the clusters of the users"))
			return
		}
	}
	if many != b.users.len() {
		s.damage(userColumn, errors.New("two users share a cluster"))
	}
}

// standing reads each cluster's position in the dictionary. A base without
// users has none, and its unused ids are all 0.
func (s *segment) standing(b *Base, n int) {
	const name = "standing"
	buf := s.get(name)
	if s.err != nil {
		return
	}
	var err error
	if b.standing, err = newUint16s(buf); err != nil {
		s.damage(name, err)
		return
	}
	if b.standing.Len() != n {
		s.damage(name, errors.New("length is not one code a cluster"))
		return
	}
	limit := max(len(b.standings), 1)
	codes := b.standing.Uint16Values()
	within := everywhere(n, func(begin, end int) bool {
		top := uint16(0)
		for _, code := range codes[begin:end] {
			top = max(top, code)
		}
		return int(top) < limit
	})
	if !within {
		s.damage(name, errors.New("a code is outside the dictionary"))
		return
	}
	if b.users.len() > 0 && len(b.standings) == 0 {
		s.damage(metaColumn, errors.New("users without a standing"))
	}
}

// overlap says whether a token of the set is in the index.
func overlap(x *tokenIndex, set *tokenSet) bool {
	return !everywhere(set.len(), func(begin, end int) bool {
		for _, p := range set.pairs[begin:end] {
			if _, ok := x.at(p); ok {
				return false
			}
		}
		return true
	})
}
