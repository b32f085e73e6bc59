package matcher

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"
)

const maxStandings = 1 << 16

// BaseBuilder takes the rows of a base and builds it. Rows go into flat
// columns: 16 bytes an identifier, 18 a user and 1 an attribute. Build turns
// them into the base one kind at a time, so it needs 16 bytes more for each
// identifier of the largest kind, and 4 for each user. It is not safe for concurrent use.
type BaseBuilder struct {
	options
	columns []Column
	err     error // what makes the builder unusable

	users     chunked[pair] // user token, row
	codes     []chunked[uint8]
	standing  chunked[uint16]
	known     map[standing]uint16
	standings []standing
	last      uint16               // the standing of the row before
	pairs     [Kinds]chunked[pair] // token, row
}

// NewBaseBuilder begins a base with the given columns. Columns that can't be
// (no name, no domain, a name or value twice, over 256 values) are refused by
// the first Add or Build.
func NewBaseBuilder(columns []Column, opts ...Option) *BaseBuilder {
	b := &BaseBuilder{
		options: newOptions(opts),
		columns: cloneColumns(columns),
		codes:   make([]chunked[uint8], len(columns)),
		known:   make(map[standing]uint16),
	}
	if b.err = checkMachine(); b.err == nil {
		b.err = checkColumns(columns)
	}
	return b
}

// Add takes one user. A row that is refused (*entrustment.Error) leaves no
// trace; the builder goes on.
func (b *BaseBuilder) Add(p *Person) error {
	if b.err != nil {
		return b.err
	}
	row := b.users.n
	if int64(row) >= maxRows {
		return overLimit(fmt.Sprintf("row %d", row+1), fmt.Sprintf("a base holds at most %d users", maxRows))
	}
	if err := checkRow(row, b.columns, p.Codes, p.Tokens); err != nil {
		return err
	}
	s, err := b.intern(standing{p.PolicyVersion, p.Service, p.EnquiryOnly})
	if err != nil {
		return err
	}
	b.users.add(newPair(p.User, uint32(row)))
	b.standing.add(s)
	for i, code := range p.Codes {
		b.codes[i].add(code)
	}
	for _, t := range p.Tokens {
		b.pairs[t.Kind].add(newPair(t.Token, uint32(row)))
	}
	return nil
}

func (b *BaseBuilder) intern(s standing) (uint16, error) {
	if len(b.standings) > 0 && s == b.standings[b.last] { // most are as the one before
		return b.last, nil
	}
	if code, ok := b.known[s]; ok {
		b.last = code
		return code, nil
	}
	if len(b.standings) == maxStandings {
		return 0, overLimit(fmt.Sprintf("row %d", b.users.n+1),
			fmt.Sprintf("a base holds at most %d combinations of policy version, service and enquiry_only", maxStandings))
	}
	// A clone: the string may be a slice of a whole batch of the file.
	s.PolicyVersion, s.Service = strings.Clone(s.PolicyVersion), strings.Clone(s.Service)
	code := uint16(len(b.standings))
	b.known[s] = code
	b.standings = append(b.standings, s)
	return code, nil
}

// Build gives the base of the rows added and uses the builder up.
//
// prev is the version before, nil for the first. A user of prev keeps the
// cluster id; new users get new ids, in the order of their tokens; ids of
// users who have left are not given again. What was ambiguous in prev stays
// so (PRIVACY rule 3). The same rows in another order give the same base.
//
// It fails with *DuplicateUsersError where a user key has two rows.
func (b *BaseBuilder) Build(ctx context.Context, prev *Base) (*Base, error) {
	if b.err != nil {
		return nil, b.err
	}
	b.err = errBuilt
	rows := b.users.n
	clusterOf, base, err := b.buildUsers(ctx, prev)
	if err != nil {
		return nil, err
	}
	n := base.clusters()
	for c := range b.codes {
		codes := newColumn(n)
		b.codes[c].eachParallel(b.workers, func(row int, code uint8) { codes[clusterOf[row]] = code })
		b.codes[c] = chunked[uint8]{}
		base.codes = append(base.codes, newUint8s(codes))
	}
	for k := range Kinds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var blocked tokenSet
		if prev != nil {
			blocked = prev.ambiguous[k]
		}
		if base.index[k], base.ambiguous[k], err = b.buildIndex(ctx, &b.pairs[k], clusterOf, blocked, n); err != nil {
			return nil, fmt.Errorf("indexing %d users: %w", rows, err)
		}
	}
	giveBack(rows * pairSize)
	return base, nil
}

// buildUsers gives every row its cluster, and a base that has all but codes and
// indexes.
func (b *BaseBuilder) buildUsers(ctx context.Context, prev *Base) ([]uint32, *Base, error) {
	var repeated atomic.Int64
	column, err := sortPairs(ctx, b.workers, &b.users, nil, rowsLetGo(b.users.n), func(sorted []pair, _ uint64, _ int) []pair {
		repeated.Add(int64(countRepeated(sorted)))
		return sorted
	})
	if err != nil {
		return nil, nil, err
	}
	if n := int(repeated.Load()); n > 0 {
		return nil, nil, &DuplicateUsersError{N: n}
	}
	var old []pair
	n := 0
	if prev != nil {
		n, old = prev.clusters(), prev.users.pairs
	}
	users := pairsOf(column) // with their rows; then with their clusters
	clusterOf := newUint32Column(len(users))
	i := 0
	for u, user := range users {
		for i < len(old) && old[i].before(user) {
			i++
		}
		cluster := uint32(n)
		if i < len(old) && old[i].same(user) {
			cluster = old[i].value()
		} else if n++; int64(n) > maxRows {
			return nil, nil, overLimit("base", fmt.Sprintf("a base gives out at most %d ids over all its versions", maxRows))
		}
		clusterOf[user.value()], users[u] = cluster, user.with(cluster)
	}

	base := &Base{columns: b.columns}
	if base.users, err = openIndex(column, n); err != nil {
		return nil, nil, fmt.Errorf("indexing users: %w", err)
	}
	present := newColumn(8 * wordsFor(n))
	words := bitmap(arrow.Uint64Traits.CastFromBytes(present))
	for _, user := range users {
		words.set(user.value())
	}
	if base.presentA, base.present, err = openBitmap(present, n); err != nil {
		return nil, nil, fmt.Errorf("marking users: %w", err)
	}
	return clusterOf, base, b.buildStandings(base, clusterOf, n)
}

// buildStandings sorts the dictionary, so that it does not depend on the order
// of the rows.
func (b *BaseBuilder) buildStandings(base *Base, clusterOf []uint32, n int) error {
	base.standings = slices.SortedFunc(slices.Values(b.standings), compareStandings)
	sorted := make([]uint16, len(b.standings)) // position of each
	for i, s := range base.standings {
		sorted[b.known[s]] = uint16(i)
	}
	buf := newColumn(n * arrow.Uint16SizeBytes)
	codes := arrow.Uint16Traits.CastFromBytes(buf)
	b.standing.eachParallel(b.workers, func(row int, s uint16) { codes[clusterOf[row]] = sorted[s] })
	b.standing, b.known, b.standings = chunked[uint16]{}, nil, nil
	var err error
	base.standing, err = newUint16s(buf)
	return err
}

// buildIndex sorts the pairs of one kind and parts them into the index and the
// ambiguous tokens, those of blocked included.
func (b *BaseBuilder) buildIndex(ctx context.Context, src *chunked[pair], clusterOf []uint32, blocked tokenSet, clusters int) (tokenIndex, tokenSet, error) {
	var (
		lock   sync.Mutex
		shared [1 << scatterBits][]pair // by leading bits
	)
	column, err := sortPairs(ctx, b.workers, src, clusterOf, rowsLetGo(src.n), func(sorted []pair, lead uint64, shift int) []pair {
		kept, several := partAmbiguous(sorted, blocked.within(lead, shift))
		lock.Lock()
		defer lock.Unlock()
		shared[lead] = several
		return kept
	})
	if err != nil {
		return tokenIndex{}, tokenSet{}, err
	}
	several := 0
	for _, s := range shared {
		several += len(s)
	}
	all := newColumn(several * pairSize)
	to := pairsOf(all)
	for _, s := range shared {
		to = to[copy(to, s):]
	}
	ambiguous, err := openTokenSet(all, 1)
	if err != nil {
		return tokenIndex{}, tokenSet{}, err
	}
	x, err := openIndex(column, clusters)
	return x, ambiguous, err
}

// rowsLetGo gives back the memory of so many pairs.
func rowsLetGo(pairs int) func() { return func() { giveBack(pairs * pairSize) } }

// partAmbiguous gives the sorted pairs whose token one cluster holds, once
// each, in the memory of pairs, and the tokens that two or more hold or that
// are blocked already, ascending, with value 0.
func partAmbiguous(pairs, blocked []pair) (kept, shared []pair) {
	kept = pairs[:0]
	for i := 0; i < len(pairs); {
		p := pairs[i]
		several := false
		for i++; i < len(pairs) && pairs[i].same(p); i++ {
			several = several || pairs[i].value() != p.value()
		}
		for len(blocked) > 0 && blocked[0].before(p) {
			shared, blocked = append(shared, blocked[0]), blocked[1:]
		}
		switch {
		case len(blocked) > 0 && blocked[0].same(p): // stays blocked, added in its turn
		case several:
			shared = append(shared, p.with(0))
		default:
			kept = append(kept, p)
		}
	}
	return kept, append(shared, blocked...)
}

// countRepeated is how many tokens occur more than once in sorted pairs.
func countRepeated(sorted []pair) int {
	n := 0
	for i := 1; i < len(sorted); i++ {
		if sorted[i].same(sorted[i-1]) && (i == 1 || !sorted[i-2].same(sorted[i])) {
			n++
		}
	}
	return n
}
