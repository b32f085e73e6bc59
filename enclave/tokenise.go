package enclave

import (
	"context"
	"crypto/sha256"
	"runtime"
	"slices"
	"sync"

	"awase/crypto/identifier"
	"awase/crypto/seal"
	"awase/crypto/token"
	"awase/entrustment"
	"awase/matcher"
)

var kindOf = map[string]matcher.Kind{"email": matcher.Email, "phone": matcher.Phone, "cookie": matcher.Cookie, "maid": matcher.MAID}

// tokeniser turns rows' hashes into tokens for one goroutine.
type tokeniser struct {
	key     [32]byte
	users   *token.Maker
	kinds   []matcher.Kind
	makers  [][]*token.Maker // by column and class
	columns []seal.IdentifierColumn
}

func (e *Enclave) tokeniser(h seal.Header) (*tokeniser, error) {
	kind := userKind
	if h.List != "" {
		kind = listKeyKind
	}
	users, err := token.NewMaker(e.tokens, kind, 0, "")
	if err != nil {
		return nil, err
	}
	t := &tokeniser{key: e.tokens, users: users, columns: h.Identifiers, makers: make([][]*token.Maker, len(h.Identifiers))}
	for _, c := range h.Identifiers {
		k, ok := kindOf[c.Kind]
		if !ok || len(c.Namespace) > 255 {
			return nil, errHeader
		}
		t.kinds = append(t.kinds, k)
	}
	return t, nil
}

var errHeader = misfit("its header names a kind that is not matched, or is of another purpose")

// appendTokens appends the tokens of a row.
func (t *tokeniser) appendTokens(dst []matcher.KindToken, ids []seal.Identifier) ([]matcher.KindToken, error) {
	var of [matcher.Kinds]int
	for i := range ids {
		id := &ids[i]
		if int(id.Column) >= len(t.columns) || id.Class >= uint8(identifier.ClassCount) {
			return nil, errRow
		}
		k := t.kinds[id.Column]
		if of[k]++; of[k] > maxHashes {
			return nil, errMany
		}
		of := t.makers[id.Column]
		if int(id.Class) >= len(of) {
			var err error
			if of, err = t.more(id.Column, id.Class); err != nil {
				return nil, err
			}
		}
		m := of[id.Class]
		dst = append(dst, matcher.KindToken{Kind: k, Token: m.Make(&id.Hash)})
	}
	return dst, nil
}

// more makes the Makers of a column as far as a profile class: at its first use.
func (t *tokeniser) more(column, class uint8) ([]*token.Maker, error) {
	of := &t.makers[column]
	for int(class) >= len(*of) {
		c := t.columns[column]
		m, err := token.NewMaker(t.key, c.Kind, uint8(len(*of)), c.Namespace)
		if err != nil {
			return nil, err
		}
		*of = append(*of, m)
	}
	return *of, nil
}

var errRow = misfit("a row does not fit its header")

// errMany: what one person shares with others bounds what can be learned of
// their having been in the base (docs/proofs/matching.md).
var errMany = &entrustment.Error{Code: entrustment.CodeLimit, Clause: "PRIVACY rules 2, 3", Field: "identifiers",
	Detail: "a row holds more than eight identifiers of one kind", Mend: "keep eight of a kind at most"}

// tokened is a row with its tokens. They are only good until the callback that
// they are given to returns.
type tokened struct {
	row    *seal.Row
	user   token.Token // of the user key, where the row has one
	tokens []matcher.KindToken
}

// tokenBatch is a batch on its way through the workers. It is used again for
// another.
type tokenBatch struct {
	sealed batch
	rows   seal.Memory
	out    []tokened
	tokens []matcher.KindToken
	took   int // rows before the one that err is of, or all
	atRow  bool
	err    error
	done   chan struct{} // one signal a use
}

// userKind is the domain of the operator's user keys, listKeyKind that of other
// parties' own: those of one are nobody's of the other.
const (
	userKind    = "user"
	listKeyKind = "list key"
)

// fill tokenises a batch, and gives its rows to take, nil: to nobody.
func (b *tokenBatch) fill(t *tokeniser, take func(*tokened) error) {
	defer func() { b.done <- struct{}{} }()
	b.tokenise(t)
	for i := 0; take != nil && i < len(b.out); i++ {
		if err := take(&b.out[i]); err != nil {
			b.took, b.atRow, b.err = i, true, err
			return
		}
	}
}

func (b *tokenBatch) tokenise(t *tokeniser) {
	rows, n := b.sealed.Rows(&b.rows), 0
	for i := range rows {
		n += len(rows[i].Identifiers)
	}
	// Room first: the rows' tokens are parts of one array, which must not move.
	all := slices.Grow(b.tokens[:0], n)
	b.out = slices.Grow(b.out[:0], len(rows))
	for i := range rows {
		r := &rows[i]
		from := len(all)
		if all, b.err = t.appendTokens(all, r.Identifiers); b.err != nil {
			b.atRow = true
			break
		}
		row := tokened{row: r, tokens: all[from:len(all):len(all)]}
		if key := userKey(r); len(key) > 0 {
			h := sha256.Sum256(key)
			row.user = t.users.Make(&h)
		}
		b.out = append(b.out, row)
	}
	b.tokens, b.took = all, len(b.out)
}

func userKey(r *seal.Row) []byte {
	switch {
	case r.Person != nil:
		return r.Person.Key
	case r.Event != nil:
		return r.Event.Key
	}
	return nil
}

// tokenise gives rows with their tokens to each, in file order. Opening, tokens
// and each run beside one another; rows are read and tokens made on every core.
// What fails first is returned, and nothing goes on behind it.
func (e *Enclave) tokenise(ctx context.Context, h seal.Header, rows batches, each func(*tokened) error) error {
	none := func() (func(*tokened) error, error) { return nil, nil }
	return e.tokenised(ctx, h, rows, none, func(b *tokenBatch) error {
		if b.err != nil {
			return b.err
		}
		for i := range b.out {
			if err := each(&b.out[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// tokeniseApart gives rows with their tokens to functions of which part gives
// each core one: those of a batch to one in their order, batches in none. After
// each batch count is told, in file order, how many rows there were so far; what
// it or a row of the batch fails with is returned, and where in the file.
func (e *Enclave) tokeniseApart(ctx context.Context, h seal.Header, rows batches, part func() (func(*tokened) error, error), count func(n int64) error) error {
	n := int64(0)
	return e.tokenised(ctx, h, rows, part, func(b *tokenBatch) error {
		if b.err != nil && b.atRow {
			return entrustment.AtRow(b.err, n+int64(b.took)+1)
		}
		if b.err != nil {
			return b.err
		}
		n += int64(b.took)
		return count(n)
	})
}

// tokenised runs what each worker gets of part over its batches and done over
// all, in file order.
func (e *Enclave) tokenised(ctx context.Context, h seal.Header, rows batches, part func() (func(*tokened) error, error), done func(*tokenBatch) error) error {
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	workers := runtime.GOMAXPROCS(0)
	order := make(chan *tokenBatch, 2*workers)
	jobs := make(chan *tokenBatch, 2*workers)
	free := make(chan *tokenBatch, 4*workers)
	for range workers {
		t, err := e.tokeniser(h)
		if err != nil {
			close(jobs)
			return err
		}
		take, err := part()
		if err != nil {
			close(jobs)
			return err
		}
		wg.Go(func() {
			for b := range jobs {
				b.fill(t, take)
			}
		})
	}
	wg.Go(func() {
		defer close(order)
		defer close(jobs)
		for sealed, err := range rows {
			var b *tokenBatch
			select {
			case b = <-free:
			default:
				b = &tokenBatch{done: make(chan struct{}, 1)}
			}
			b.sealed, b.err, b.atRow = sealed, err, false
			select {
			case order <- b:
			case <-ctx.Done():
				return
			}
			if err != nil {
				b.done <- struct{}{}
				return
			}
			jobs <- b // never full for long: it holds no more than order does
		}
	})
	for b := range order {
		<-b.done
		if err := ctx.Err(); err != nil && b.err == nil {
			return err
		}
		if err := done(b); err != nil {
			return err
		}
		select {
		case free <- b:
		default:
		}
	}
	return ctx.Err()
}
