package matcher

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow"

	"awase/entrustment"
)

// BaseBuilder takes the rows of a base and builds it. Rows go into parts: 16
// bytes an identifier, 18 a user and 1 an attribute, in memory that comes by the
// MiB. Build turns them into the base one kind at a time, so it needs 16 bytes
// more for each identifier of the largest kind, and 4 for each user of a base
// that has a version before. It is not safe for concurrent use; its parts are
// filled beside one another.
type BaseBuilder struct {
	options
	columns []Column
	err     error // what makes the builder unusable
	parts   []*BasePart
	own     *BasePart // what Add fills: one of them
	first   []uint32  // number of the first row of each part, once all are in
}

// numbering is the cluster of every row.
type numbering struct {
	first   []uint32 // of each part, the number of its first row
	cluster []uint32 // by number of row; nil: the number is the cluster
}

// of gives the clusters of a part's rows: those in a slice, or as many from first
// on.
func (n *numbering) of(part int) (clusters []uint32, first uint32) {
	if n.cluster == nil {
		return nil, n.first[part]
	}
	return n.cluster[n.first[part]:], 0
}

// change gives the cluster of a part's row.
func (n *numbering) change() func(part int, row uint32) uint32 {
	if n.cluster == nil {
		return func(part int, row uint32) uint32 { return n.first[part] + row }
	}
	return func(part int, row uint32) uint32 { return n.cluster[n.first[part]+row] }
}

// layDown puts a part's values where their clusters are in a column, and empties
// it.
func layDown[T any](from *chunked[T], workers int, to []T, clusters []uint32, first uint32, value func(T) T) {
	from.eachParallel(workers, func(row int, values []T) {
		if clusters == nil {
			for i, v := range values {
				to[int(first)+row+i] = value(v)
			}
			return
		}
		for i, v := range values {
			to[clusters[row+i]] = value(v)
		}
	})
	*from = chunked[T]{}
}

// NewBaseBuilder begins a base with the given columns. Columns that can't be
// (no name, no domain, a name or value twice, over 256 values) are refused by
// the first Add or Build.
func NewBaseBuilder(columns []Column, opts ...Option) *BaseBuilder {
	b := &BaseBuilder{options: newOptions(opts), columns: cloneColumns(columns)}
	if b.err = checkMachine(); b.err == nil {
		b.err = checkColumns(columns)
	}
	return b
}

// Part gives a part for a goroutine of its own to fill. Build joins all parts;
// nobody may add to one then.
func (b *BaseBuilder) Part() (*BasePart, error) {
	if b.err != nil {
		return nil, b.err
	}
	p := newBasePart(b.columns)
	b.parts = append(b.parts, p)
	return p, nil
}

// Add takes one user into a part of the builder's own, whose rows an error
// counts. A row that is refused (*entrustment.Error) leaves no trace; the builder
// goes on.
func (b *BaseBuilder) Add(p *Person) error {
	if b.err != nil {
		return b.err
	}
	if b.own == nil {
		b.own, _ = b.Part()
	}
	if err := b.own.Add(p); err != nil {
		return entrustment.AtRow(err, int64(b.own.rows)+1)
	}
	return nil
}

// Build gives the base of the rows added and uses the builder up.
//
// prev is the version before, nil for the first. A user of prev keeps the
// cluster id; ids of users who have left are not given again. What was ambiguous
// in prev stays so (PRIVACY rule 3). In a first version ids are the numbers of
// the rows, so that nothing has to be looked up by row; later, new users get
// theirs in the order of their tokens. The same rows in another order give a base
// of the same content (Digest), with other ids.
//
// It fails with *DuplicateUsersError where a user key has two rows.
func (b *BaseBuilder) Build(ctx context.Context, prev *Base) (*Base, error) {
	if b.err != nil {
		return nil, b.err
	}
	b.err = errBuilt
	rows, err := b.number()
	if err != nil {
		return nil, err
	}
	clusterOf, base, err := b.buildUsers(ctx, prev)
	if err != nil {
		return nil, err
	}
	n := base.clusters()
	for c := range b.columns {
		codes := newColumn(n)
		for i, p := range b.parts {
			clusters, first := clusterOf.of(i)
			layDown(&p.codes[c], b.workers, codes, clusters, first, func(code uint8) uint8 { return code })
		}
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
		if base.index[k], base.ambiguous[k], err = b.buildIndex(ctx, k, clusterOf, blocked); err != nil {
			return nil, fmt.Errorf("indexing %d users: %w", rows, err)
		}
	}
	giveBack(rows*pairSize, giveBackFrom)
	return base, nil
}

// number numbers the rows of all parts, those of the first first.
func (b *BaseBuilder) number() (rows int, err error) {
	for _, p := range b.parts {
		b.first = append(b.first, uint32(rows))
		if rows += p.rows; int64(rows) > maxRows {
			return 0, overLimit("rows", fmt.Sprintf("a base holds at most %d users", maxRows))
		}
	}
	return rows, nil
}

// spreads gives one spread of each part.
func (b *BaseBuilder) spreads(of func(*BasePart) *spread) []*spread {
	out := make([]*spread, len(b.parts))
	for i, p := range b.parts {
		out[i] = of(p)
	}
	return out
}

// buildUsers gives every row its cluster, and a base that has all but codes and
// indexes.
func (b *BaseBuilder) buildUsers(ctx context.Context, prev *Base) (*numbering, *Base, error) {
	var repeated atomic.Int64
	numbers := &numbering{first: b.first}
	column, err := sortPairs(ctx, b.workers, b.spreads(func(p *BasePart) *spread { return &p.users }), numbers.change(), settleBy(func(sorted []pair, _ uint64, _ int) []pair {
		repeated.Add(int64(countRepeated(sorted)))
		return sorted
	}))
	if err != nil {
		return nil, nil, err
	}
	if n := int(repeated.Load()); n > 0 {
		return nil, nil, &DuplicateUsersError{N: n}
	}
	users := pairsOf(column) // with their rows; then with their clusters
	giveBack(len(column), giveBackMidway)
	n := len(users)
	if prev != nil {
		if numbers.cluster, n, err = b.clusters(ctx, users, prev); err != nil {
			return nil, nil, err
		}
	}
	base := &Base{columns: b.columns}
	if base.users, err = indexOf(column); err != nil {
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
	return numbers, base, b.buildStandings(base, numbers, n)
}

// clusters gives users, who come with their rows, their clusters in place of
// those: the one each has in prev, or the next free one. By row they are the
// first result; n is how many were ever given out.
func (b *BaseBuilder) clusters(ctx context.Context, users []pair, prev *Base) (of []uint32, n int, err error) {
	n, old := prev.clusters(), prev.users.tokenSet
	// What of the numbers begins where is known once those who are new are
	// counted, by ranges of users, as many ranges as there are parts of work.
	const step = 1 << 16
	ranges := (len(users) + step - 1) / step
	next := make([]int, ranges)
	each := func(r int, f func(u int, cluster uint32, known bool)) {
		begin, end := r*step, min((r+1)*step, len(users))
		i, _ := old.search(users[begin], 0, old.len())
		for u := begin; u < end; u++ {
			for i < old.len() && old.pairs[i].before(users[u]) {
				i++
			}
			if i < old.len() && old.pairs[i].same(users[u]) {
				f(u, old.pairs[i].value(), true)
			} else {
				f(u, 0, false)
			}
		}
	}
	err = parallel(ctx, b.workers, ranges, func(_, r int) error {
		each(r, func(_ int, _ uint32, known bool) {
			if !known {
				next[r]++
			}
		})
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	for r, more := range next {
		next[r] = n
		n += more
	}
	if int64(n) > maxRows {
		return nil, 0, overLimit("base", fmt.Sprintf("a base gives out at most %d ids over all its versions", maxRows))
	}
	of = newUint32Column(len(users))
	err = parallel(ctx, b.workers, ranges, func(_, r int) error {
		each(r, func(u int, cluster uint32, known bool) {
			if !known {
				cluster = uint32(next[r])
				next[r]++
			}
			of[users[u].value()], users[u] = cluster, users[u].with(cluster)
		})
		return nil
	})
	return of, n, err
}

// buildStandings joins the parts' dictionaries and sorts them, so that the
// result does not depend on the order of the rows.
func (b *BaseBuilder) buildStandings(base *Base, clusterOf *numbering, n int) (err error) {
	for _, p := range b.parts {
		base.standings = append(base.standings, p.standings...)
	}
	slices.SortFunc(base.standings, compareStandings)
	base.standings = slices.Compact(base.standings)
	if len(base.standings) > maxStandings {
		return errStandings
	}
	buf := newColumn(n * arrow.Uint16SizeBytes)
	codes := arrow.Uint16Traits.CastFromBytes(buf)
	for i, p := range b.parts {
		sorted := make([]uint16, len(p.standings)) // position of each
		for code, s := range p.standings {
			at, _ := slices.BinarySearchFunc(base.standings, s, compareStandings)
			sorted[code] = uint16(at)
		}
		clusters, first := clusterOf.of(i)
		layDown(&p.standing, b.workers, codes, clusters, first, func(s uint16) uint16 { return sorted[s] })
		p.known, p.standings = nil, nil
	}
	base.standing, err = newUint16s(buf)
	return err
}

// buildIndex sorts the pairs of one kind and parts them into the index and the
// ambiguous tokens, those of blocked included.
func (b *BaseBuilder) buildIndex(ctx context.Context, k Kind, clusterOf *numbering, blocked tokenSet) (tokenIndex, tokenSet, error) {
	var (
		lock   sync.Mutex
		shared = map[uint64][]pair{} // by where they begin
	)
	column, err := sortPairs(ctx, b.workers, b.spreads(func(p *BasePart) *spread { return &p.pairs[k] }), clusterOf.change(), settleBy(func(sorted []pair, lead uint64, shift int) []pair {
		kept, several := partAmbiguous(sorted, blocked.within(lead, shift))
		if len(several) > 0 {
			lock.Lock()
			defer lock.Unlock()
			shared[lead<<shift] = several
		}
		return kept
	}))
	if err != nil {
		return tokenIndex{}, tokenSet{}, err
	}
	giveBack(len(column), giveBackMidway)
	several := 0
	for _, s := range shared {
		several += len(s)
	}
	all := newColumn(several * pairSize)
	to := pairsOf(all)
	for _, lead := range slices.Sorted(maps.Keys(shared)) {
		to = to[copy(to, shared[lead]):]
	}
	ambiguous, err := tokenSetOf(all)
	if err != nil {
		return tokenIndex{}, tokenSet{}, err
	}
	x, err := indexOf(column)
	if err == nil {
		x.directory() // now, not in the first question
	}
	return x, ambiguous, err
}

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
