package enclave

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"awase/crypto/token"
	"awase/entrustment"
	"awase/matcher"
)

// A log that names its users by their party's own keys is read with the keys of a
// list of the same entrustment, of its version of that moment: each row gets the
// tokens that the list has beside its key, and from then on the log is as one by
// identifiers. A row whose key is not on the list is left out and counted: both
// files are their uploader's, so the count says nothing of the base.

// list gives the version of a list that stands, nil: none.
func (s *state) list(id, name string) *listRecord { return s.lists[listKey{id, name}] }

// keyedList gives the list by whose keys a log names its users. The room's lock is
// held.
func (e *Enclave) keyedList(id, name string) (*listRecord, error) {
	l := e.keysOf(id, name)
	if l == nil {
		if err := e.lapsedList(id, name); err != nil {
			return nil, err
		}
		return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "DESIGN §2 rule 1", Field: "list_key.list",
			Detail: "there is no list " + entrustment.Quote(name) + " under " + id, Mend: "load the list first, or name another under list: in events.yaml; awase lists shows them"}
	}
	if l.Keys == nil || !l.Keys.Keyed {
		return nil, &entrustment.Error{Code: entrustment.CodeFile, Clause: "FORMATS §7", Field: "list_key.list",
			Detail: "the list " + entrustment.Quote(name) + " has no keys of its party's own", Mend: "name their column as user_key: in list.yaml, and load the whole list again; or name users by identifiers"}
	}
	return l, nil
}

// stillKeyed refuses a log whose list expired while it was read; only loads replace
// one, and they take turns. Of nil there is none. The room's lock is held.
func (e *Enclave) stillKeyed(l *listRecord) error {
	if l == nil {
		return nil
	}
	_, err := e.keyedList(l.Entrustment, l.Name)
	return err
}

// keysRead lets the keys of a list go that a load read.
func (e *Enclave) keysRead(l *listRecord) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.copied(l.Keys.Segment.ID)
}

// noneOfList refuses a log that has no row left.
func noneOfList(l *listRecord) error {
	return &entrustment.Error{Code: entrustment.CodeFile, Clause: "FORMATS §7", Field: "events",
		Detail: fmt.Sprintf("no row has a key of the list %s, version %d", entrustment.Quote(l.Name), l.Version),
		Mend:   "check that the column is the user_key of that list, and load the list of today first; nothing was added"}
}

// rowKey gives the token of the key that a row of a log names its user by.
func rowKey(row []byte) token.Token { return token.Token(row[7 : 7+token.Size]) }

// heldBy is what a list holds of the person of a key.
type heldBy struct {
	key uint32 // position among the keys of the log
	id  matcher.KindToken
}

func (a heldBy) compare(b heldBy) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.id.Kind, b.id.Kind), bytes.Compare(a.id.Token[:], b.id.Token[:]))
}

// byKeys puts the tokens of a list in the place of its party's keys. Of the list it
// keeps no more in memory than what the log names: 12 bytes a key and 20 a token.
// Rows of the list with one key are one person, who has the tokens of them all.
func (e *Enclave) byKeys(ctx context.Context, log *eventLog, l *listRecord) error {
	slices.SortFunc(log.rows, func(a, b []byte) int {
		x, y := rowKey(a), rowKey(b)
		return bytes.Compare(x[:], y[:])
	})
	var keys []token.Token // of the log, ascending
	for _, row := range log.rows {
		if k := rowKey(row); len(keys) == 0 || keys[len(keys)-1] != k {
			keys = append(keys, k)
		}
	}
	held, err := e.heldBy(ctx, l, keys)
	if err != nil {
		return err
	}
	var arena rowArena
	kept, n := log.rows[:0], -1
	var person []heldBy // of the key before
	for i, row := range log.rows {
		if i&(1<<16-1) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if k := rowKey(row); n < 0 || keys[n] != k {
			n++
			end := 0
			for end < len(held) && int(held[end].key) == n {
				end++
			}
			if person, held = held[:end], held[end:]; manyHashes(person) {
				person = nil
			}
		}
		if len(person) == 0 {
			log.unknown++
			continue
		}
		b := append(arena.begin(), row[:5]...)
		b = append(b, byte(len(person)))
		for j := range person {
			b = append(append(b, byte(person[j].id.Kind)), person[j].id.Token[:]...)
		}
		kept = append(kept, arena.end(append(b, row[7+token.Size:]...)))
	}
	clear(log.rows[len(kept):])
	log.rows = kept
	return nil
}

// heldBy gives what a list holds of the persons of some keys, in the keys' order, each
// token once.
func (e *Enclave) heldBy(ctx context.Context, l *listRecord, keys []token.Token) ([]heldBy, error) {
	users, err := token.NewMaker(e.tokens, listKeyKind, 0, "")
	if err != nil {
		return nil, err
	}
	var held []heldBy
	err = e.eachKey(ctx, l.Keys, func(r *keyRow) error {
		h := sha256.Sum256(r.user)
		at, ok := slices.BinarySearchFunc(keys, users.Make(&h), func(a, b token.Token) int { return bytes.Compare(a[:], b[:]) })
		if !ok {
			return nil
		}
		for id := range r.ids {
			held = append(held, heldBy{uint32(at), matcher.KindToken{Token: id.Token, Kind: id.Kind}})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(held, heldBy.compare)
	return slices.Compact(held), nil
}

// manyHashes tells whether a key stands for more than a row may hold of one person: it
// is then nobody's, such as what a system writes for a key that it has not.
func manyHashes(person []heldBy) bool {
	var of [matcher.Kinds]int
	for i := range person {
		k := person[i].id.Kind
		if of[k]++; of[k] > maxHashes {
			return true
		}
	}
	return false
}

// rowArena is where rows of a log are made, many in one piece of memory.
type rowArena struct{ free []byte }

// begin gives where the next row is appended.
func (a *rowArena) begin() []byte {
	if len(a.free) < 4096 {
		a.free = make([]byte, 1<<20)
	}
	return a.free[:0:len(a.free)]
}

// end gives a row that was appended.
func (a *rowArena) end(row []byte) []byte {
	a.free = a.free[min(len(row), len(a.free)):]
	return row
}
