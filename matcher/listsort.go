package matcher

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/bits"
	"slices"

	"awase/crypto/token"
)

// rowsGoal is the length of the rows in a bucket of the first pass, if the bits
// suffice: some of them are in a core's cache at once.
const rowsGoal = 1 << 17

// listDigits is how many leading bits the first pass of a sort of a list takes,
// for so many buckets of their usual size: a range of the ListID is some of
// them.
func listDigits(buckets int) int { return min(max(bits.Len(uint(buckets)), 8), scatterBits) }

// sortedRows are the rows of a list, after their numbers of pairs, by buckets of
// the leading bits of their encoding.
type sortedRows struct {
	*layout
	raw     []byte
	columns int
	buckets []rowBucket
}

// rowBucket is what a bucket holds once it is sorted: length bytes of distinct
// rows at its beginning.
type rowBucket struct {
	length int
	rows   int
	first  int        // canonical number of the first
	heads  [Kinds]int // distinct tokens that a row begins with
	others [Kinds]int // tokens further on
}

// leading gives the leading 8 bytes of an encoding, zeros past its end: a row
// whose encoding is before another's is not in a later bucket.
func leading(enc []byte) uint64 {
	if len(enc) >= 8 {
		return binary.BigEndian.Uint64(enc)
	}
	var b [8]byte
	copy(b[:], enc)
	return binary.BigEndian.Uint64(b[:])
}

// eachRow calls f with every row of raw.
func eachRow(raw []byte, columns int, f func(row []byte)) {
	for len(raw) > 0 {
		n := rowSize(raw, columns)
		f(raw[:n:n])
		raw = raw[n:]
	}
}

// buildRows builds a list of rows of any shape: the rows themselves are
// scattered by their leading bits, so that each bucket is sorted, hashed and
// read in a core's cache.
func (b *ListBuilder) buildRows(ctx context.Context, l *List) error {
	s, err := b.scatterRows(ctx)
	if err != nil {
		return err
	}
	sums, err := s.sort(ctx, b.workers, b.key)
	if err != nil {
		return err
	}
	for d := range s.buckets {
		s.buckets[d].first = l.rows
		l.rows += s.buckets[d].rows
	}
	l.id = sums.id(b.key, b.columns, l.rows)
	if err := s.hand(b.handed); err != nil {
		return err
	}
	return s.columnsOf(ctx, b.workers, l)
}

func (b *ListBuilder) scatterRows(ctx context.Context) (*sortedRows, error) {
	var arena [][]byte
	size, rows := 0, 0
	for _, p := range b.parts {
		rows += p.n
		for _, block := range p.arena {
			arena, size = append(arena, block), size+len(block)
		}
		p.arena = nil
	}
	if int64(rows) > maxRows {
		return nil, errListLimit
	}
	s := &sortedRows{columns: len(b.columns)}
	var err error
	s.layout, err = layOut(ctx, b.workers, len(arena), listDigits(size/rowsGoal), func(c, shift int, into []int) {
		eachRow(arena[c], s.columns, func(row []byte) { into[leading(row[2:])>>shift] += len(row) })
	})
	if err != nil {
		return nil, err
	}
	s.raw = newColumn(size)
	err = s.scatter(ctx, b.workers, func(c int, next []int) {
		eachRow(arena[c], s.columns, func(row []byte) {
			d := leading(row[2:]) >> s.shift
			next[d] += copy(s.raw[next[d]:], row)
		})
	})
	return s, err
}

// sort sorts each bucket, leaves its distinct rows and hashes those of each
// range.
func (s *sortedRows) sort(ctx context.Context, workers int, key [32]byte) (*listSums, error) {
	sums, work := new(listSums), make([]rowWork, workers)
	s.buckets = make([]rowBucket, len(s.ends))
	step := len(s.ends) / listRanges
	err := parallel(ctx, workers, listRanges, func(worker, r int) error {
		w := &work[worker]
		if w.hash == nil {
			w.hash = newRangeHash(key)
		}
		for d := r * step; d < (r+1)*step; d++ {
			begin, end := s.bucket(d)
			s.buckets[d] = w.sort(s.raw[begin:end], s.columns, 64-s.shift)
			w.hash.add(s.raw[begin : begin+s.buckets[d].length])
		}
		w.hash.sum(&sums[r])
		return nil
	})
	return sums, err
}

// rowWork is a worker's memory.
type rowWork struct {
	hash *rangeHash
	keys []pair // the first 12 bytes of an encoding, zeros past its end, and its number
	at   []int  // where a row begins, by number
	out  []byte
}

// sort sorts the rows of a bucket, whose encodings agree in their leading used
// bits, and leaves the distinct ones at its beginning.
func (w *rowWork) sort(raw []byte, columns, used int) (b rowBucket) {
	w.keys, w.at, w.out = w.keys[:0], w.at[:0], w.out[:0]
	for at := 0; at < len(raw); {
		n := rowSize(raw[at:], columns)
		var key token.Token
		copy(key[:], raw[at+2:at+n])
		w.keys, w.at = append(w.keys, newPair(&key, uint32(len(w.at)))), append(w.at, at)
		at += n
	}
	row := func(p pair) []byte {
		at := w.at[p.value()]
		return raw[at : at+rowSize(raw[at:], columns)]
	}
	sortBucket(w.keys, used)
	var last []byte
	for begin, end := 0, 0; begin < len(w.keys); begin = end {
		for end = begin + 1; end < len(w.keys) && w.keys[end].same(w.keys[begin]); end++ {
		}
		run := w.keys[begin:end]
		if len(run) > 1 { // equal beginnings: what follows decides
			slices.SortFunc(run, func(x, y pair) int { return bytes.Compare(row(x)[2:], row(y)[2:]) })
		}
		for _, p := range run {
			now := row(p)
			if b.rows > 0 && bytes.Equal(now, last) {
				continue
			}
			b.count(now, last)
			w.out, last = append(w.out, now...), now
		}
	}
	b.length = copy(raw, w.out)
	return b
}

// count notes a row after the last.
func (b *rowBucket) count(row, last []byte) {
	b.rows++
	pairs := int(binary.LittleEndian.Uint16(row))
	for p := range pairs {
		kind := row[2+p*pairLen+token.Size]
		if p > 0 {
			b.others[kind]++
		} else if !sameHead(row, last) {
			b.heads[kind]++
		}
	}
}

// sameHead tells whether a row begins with the token of the last, nil: none.
func sameHead(row, last []byte) bool {
	return len(last) >= 2+pairLen && binary.LittleEndian.Uint16(last) > 0 && bytes.Equal(row[2:2+pairLen], last[2:2+pairLen])
}

// hand hands out the canonical rows.
func (s *sortedRows) hand(parts *rowParts) (err error) {
	if parts == nil {
		return nil
	}
	for d := range s.buckets {
		begin, _ := s.bucket(d)
		eachRow(s.raw[begin:begin+s.buckets[d].length], s.columns, func(row []byte) {
			if err == nil {
				err = parts.row(row)
			}
		})
		if err != nil {
			return err
		}
	}
	return parts.flush()
}

// kindRows is the index of one kind while it is made: tokens and the first rows
// that hold them. Where rows only begin with such tokens, they come in order.
type kindRows struct {
	inOrder bool
	column  []byte
	pairs   []pair
	first   []int     // by bucket: where its own begin
	from    []*spread // of each worker, where they don't come in order
}

// columnsOf makes the codes and the indexes of l and uses s up.
func (s *sortedRows) columnsOf(ctx context.Context, workers int, l *List) error {
	codes := make([][]byte, s.columns)
	for c := range codes {
		codes[c] = newColumn(l.rows)
	}
	var kinds [Kinds]kindRows
	for k := range kinds {
		kinds[k] = s.kind(Kind(k), workers)
	}
	err := parallel(ctx, workers, len(s.buckets), func(worker, d int) error {
		s.write(worker, d, codes, &kinds)
		return nil
	})
	if err != nil {
		return err
	}
	s.raw = nil
	for c := range codes {
		l.codes = append(l.codes, newUint8s(codes[c]))
	}
	for k := range kinds {
		if l.index[k], err = kinds[k].index(ctx, workers); err != nil {
			return err
		}
	}
	return nil
}

// kind makes room for the index of a kind.
func (s *sortedRows) kind(k Kind, workers int) kindRows {
	x := kindRows{inOrder: true, first: make([]int, len(s.buckets))}
	n := 0
	for d := range s.buckets {
		x.first[d] = n
		n += s.buckets[d].heads[k] + s.buckets[d].others[k]
		x.inOrder = x.inOrder && s.buckets[d].others[k] == 0
	}
	if x.inOrder {
		x.column = newColumn(n * pairSize)
		x.pairs = pairsOf(x.column)
		return x
	}
	for range workers {
		x.from = append(x.from, new(spread))
	}
	return x
}

// write writes what the rows of a bucket are to the codes and indexes.
func (s *sortedRows) write(worker, d int, codes [][]byte, kinds *[Kinds]kindRows) {
	bucket := &s.buckets[d]
	begin, _ := s.bucket(d)
	var next [Kinds]int
	for k := range kinds {
		next[k] = kinds[k].first[d]
	}
	number := uint32(bucket.first)
	var last []byte
	eachRow(s.raw[begin:begin+bucket.length], s.columns, func(row []byte) {
		pairs := int(binary.LittleEndian.Uint16(row))
		for p := range pairs {
			one := row[2+p*pairLen:][:pairLen]
			k := one[token.Size]
			if p == 0 && sameHead(row, last) {
				continue // a row before holds it
			}
			if x := &kinds[k]; x.inOrder {
				x.pairs[next[k]] = newPair((*token.Token)(one), number)
				next[k]++
			} else {
				x.from[worker].add(newPair((*token.Token)(one), number))
			}
		}
		for c, code := range row[2+pairs*pairLen:] {
			codes[c][number] = code
		}
		last = row
		number++
	})
}

// index gives the index and uses x up.
func (x *kindRows) index(ctx context.Context, workers int) (tokenIndex, error) {
	if x.inOrder {
		return indexOf(x.column)
	}
	// Sorted by token, then row: the first of a run holds the smallest row.
	column, err := sortPairs(ctx, workers, x.from, nil, settleBy(func(sorted []pair, _ uint64, _ int) []pair {
		return slices.CompactFunc(sorted, pair.same)
	}))
	if err != nil {
		return tokenIndex{}, err
	}
	return indexOf(column)
}
