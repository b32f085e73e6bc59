package clickhouse

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"awase/crypto/token"
)

const (
	// blockRows are the rows of a block, which is one INSERT and one part.
	blockRows = 1 << 19
	// senders send to each shard side by side: while one waits until its block is
	// written, the other makes and sends the next.
	senders = 2
	// tablesAtOnce are loaded side by side, if they are of one thing.
	tablesAtOnce = 3
)

// block is some rows of a table, by column. Columns that a table does not have are
// empty.
type block struct {
	tokens [][]byte // each of flat, or of what it was before it grew
	flat   []byte
	ids    []uint32  // clusters, rows of a list, or places in a log
	codes  [][]uint8 // by column
	log    *logRows  // of a staged log alone
}

// form says what the rows of a table are and how they are told apart.
type form struct {
	name   string // of the statements create_, insert_ and sum_
	codes  int    // columns of codes
	tokens bool
	log    bool
	merged bool      // into one part, at the end
	until  time.Time // zero: it stays
}

func (b *block) rows() int { return len(b.ids) }

func (b *block) addToken(t *token.Token, id uint32) {
	at := len(b.flat)
	b.flat = append(b.flat, t[:]...)
	b.tokens = append(b.tokens, b.flat[at:at+token.Size:at+token.Size])
	b.ids = append(b.ids, id)
}

// columns gives the columns in the order of the table.
func (b *block) columns(f *form) []any {
	var out []any
	if f.tokens {
		out = append(out, b.tokens)
	}
	out = append(out, b.ids)
	for i := range f.codes {
		out = append(out, b.codes[i])
	}
	if b.log != nil {
		out = append(out, b.log.columns()...)
	}
	return out
}

// sum is the checksum of the rows, whatever their order: that of sum_*.sql. Rows
// lost, doubled or changed change it, but for chances of one in 2⁶⁴.
func (b *block) sum(f *form) uint64 {
	var s uint64
	switch {
	case b.log != nil:
		for i, id := range b.ids {
			s += tokenSum(b.tokens[i], id) * b.log.factor(i)
		}
	case f.tokens:
		for i, id := range b.ids {
			s += tokenSum(b.tokens[i], id)
		}
	default:
		for i, id := range b.ids {
			factor := uint64(1)
			for _, codes := range b.codes {
				factor = factor*257 + uint64(codes[i])
			}
			s += mix(uint64(id)) * factor
		}
	}
	return s
}

// tokenSum is of a token and what it leads to: a token is as good as random.
func tokenSum(t []byte, id uint32) uint64 {
	return binary.LittleEndian.Uint64(t)*(2*uint64(id)+1) + uint64(binary.LittleEndian.Uint32(t[8:]))
}

// mix is ClickHouse's intHash64.
func mix(x uint64) uint64 {
	x ^= 0x4CF2D2BAAE6DA887
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// reset empties a block and keeps its memory.
func (b *block) reset() {
	b.tokens, b.flat, b.ids = b.tokens[:0], b.flat[:0], b.ids[:0]
	for i := range b.codes {
		b.codes[i] = b.codes[i][:0]
	}
	if b.log != nil {
		b.log.reset()
	}
}

// loader loads one table on every shard, under a name of its own.
type loader struct {
	e       *Engine
	form    form
	final   string
	name    string
	filling []*block // by shard
	shards  []shardLoad
	parts   int // of a staged log
}

// shardLoad is what was sent to a shard.
type shardLoad struct {
	todo chan numbered
	free chan *block
	next int // number of the next block
	rows uint64
	sum  uint64
}

type numbered struct {
	*block
	number int
}

// load makes a table and fills it by what fill gives to the loader, proves each
// shard's rows and checksum, and leaves it under its loading name.
func (e *Engine) load(ctx context.Context, final string, f form, fill func(ctx context.Context, l *loader) error) (*loader, error) {
	l := &loader{e: e, form: f, final: final, name: e.newLoad(final), filling: make([]*block, len(e.shards)), shards: make([]shardLoad, len(e.shards))}
	err := ctx.Err()
	if err == nil {
		err = e.each(ctx, l.create)
	}
	if err == nil {
		err = l.run(ctx, fill)
	}
	if err == nil && f.merged {
		err = e.each(ctx, func(ctx context.Context, shard int) error {
			if l.shards[shard].next < 2 { // one block is one part
				return nil
			}
			return e.merge(ctx, shard, l.name)
		})
	}
	if err == nil {
		err = e.each(ctx, l.verify)
	}
	if err != nil {
		l.unload()
		return nil, err
	}
	return l, nil
}

func (l *loader) create(ctx context.Context, shard int) error {
	text := withCodes(statement("create_"+l.form.name), l.form.codes, ", c%d UInt8")
	until := int64(0)
	if !l.form.until.IsZero() {
		until = l.form.until.Unix()
	}
	return l.e.create(ctx, shard, l.name, text, until)
}

// run fills, while senders send what is full.
func (l *loader) run(ctx context.Context, fill func(ctx context.Context, l *loader) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	faults := make([]error, len(l.shards)*senders+1)
	var wg sync.WaitGroup
	for i := range l.shards {
		s := &l.shards[i]
		s.todo, s.free = make(chan numbered), make(chan *block, senders+1)
		for range senders + 1 {
			b := &block{codes: make([][]uint8, l.form.codes)}
			if l.form.log {
				b.log = &logRows{}
			}
			s.free <- b
		}
		for j := range senders {
			wg.Go(func() {
				for b := range s.todo {
					err := l.send(ctx, i, b)
					if b.reset(); err != nil {
						faults[i*senders+j] = err
						cancel()
						return
					}
					s.free <- b.block
				}
			})
		}
	}
	err := fill(ctx, l)
	for shard := range l.shards {
		if err == nil && l.filling[shard] != nil && l.filling[shard].rows() > 0 {
			err = l.flush(ctx, shard)
		}
	}
	for i := range l.shards {
		close(l.shards[i].todo)
	}
	if err != nil {
		cancel()
	}
	wg.Wait()
	faults[len(faults)-1] = err
	return first(faults)
}

// at gives the block that the next row of a shard goes into.
func (l *loader) at(ctx context.Context, shard int) (*block, error) {
	if b := l.filling[shard]; b != nil && b.rows() < l.e.block {
		return b, nil
	} else if b != nil {
		if err := l.flush(ctx, shard); err != nil {
			return nil, err
		}
	}
	select {
	case l.filling[shard] = <-l.shards[shard].free:
		return l.filling[shard], nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// flush hands the block of a shard to its senders.
func (l *loader) flush(ctx context.Context, shard int) error {
	s, b := &l.shards[shard], l.filling[shard]
	l.filling[shard] = nil
	s.rows, s.sum = s.rows+uint64(b.rows()), s.sum+b.sum(&l.form)
	select {
	case s.todo <- numbered{b, s.next}:
		s.next++
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send inserts a block. However often it is sent, the server takes it once: it
// knows the number again, which is of this table alone.
func (l *loader) send(ctx context.Context, shard int, b numbered) error {
	text := withCodes(statement("insert_"+l.form.name), l.form.codes, ", c%d")
	return l.e.again(ctx, l.e.puts(), shard, "loading a block", func(ctx context.Context) error {
		ctx = clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"table": l.e.at(l.name, shard)}),
			clickhouse.WithSettings(clickhouse.Settings{"insert_deduplication_token": fmt.Sprint(b.number)}))
		batch, err := l.e.shards[shard].PrepareBatch(ctx, text)
		if err != nil {
			return err
		}
		for i, column := range b.columns(&l.form) {
			if err := batch.Column(i).Append(column); err != nil {
				return err
			}
		}
		return batch.Send()
	})
}

// verify proves that a shard has what was sent to it: the number of its rows and
// their checksum.
func (l *loader) verify(ctx context.Context, shard int) error {
	factor := "toUInt64(1)"
	for i := range l.form.codes {
		factor = fmt.Sprintf("(%s * 257 + c%d)", factor, i)
	}
	text := strings.ReplaceAll(statement("sum_"+l.form.name), "{codes}", factor)
	var rows, sum uint64
	err := l.e.again(ctx, l.e.loads(), shard, "verifying a table", func(ctx context.Context) error {
		ctx = clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"table": l.e.at(l.name, shard)}))
		return l.e.shards[shard].QueryRow(ctx, text).Scan(&rows, &sum)
	})
	if err != nil {
		return err
	}
	if s := &l.shards[shard]; rows != s.rows || sum != s.sum {
		return l.e.refusal(shard, "what it holds after a load is not what was sent", reload)
	}
	return nil
}

// reload is what to do where a server does not hold what it was given.
const reload = "load again; if it comes again, check the server's memory and disk"

// unload drops what was loaded and not named.
func (l *loader) unload() { loads{l}.unload() }

// abandon drops tables of a load that failed or is over: as well as it goes, Keep
// drops the rest.
func (e *Engine) abandon(shard int, names ...string) {
	ctx, cancel := context.WithTimeout(context.Background(), min(5*time.Second, e.o.Time))
	defer cancel()
	for _, name := range names {
		if err := e.dropOnce(ctx, shard, e.at(name, shard)); err != nil {
			e.o.Logger.Warn("a table of a load that is over stays until the next sweep", "shard", shard+1, "error", e.fault(shard, "dropping a table", err))
		}
	}
}

// newLoad gives the name of a table that is loaded. Until forgetLoads Keep leaves it
// alone.
func (e *Engine) newLoad(final string) string {
	name := loadingName(final)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.loading[name] = true
	return name
}

func (e *Engine) forgetLoads(names ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, n := range names {
		delete(e.loading, n)
	}
}

// as gives what was loaded as a table of a name.
func (l *loader) as(name string) table {
	t := table{name: name}
	for i := range l.shards {
		t.rows = append(t.rows, l.shards[i].rows)
	}
	return t
}

// job says what a table is loaded with.
type job struct {
	name string // its final one
	form form
	fill func(ctx context.Context, l *loader) error
}

// loads are the tables of one thing, loaded and not named yet.
type loads []*loader

// loadAll loads tables, some side by side: much of a small one is waiting for disks.
func (e *Engine) loadAll(ctx context.Context, jobs []job) (loads, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ls, faults := make(loads, len(jobs)), make([]error, len(jobs))
	var wg sync.WaitGroup
	places := make(chan struct{}, tablesAtOnce)
	for i, j := range jobs {
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			if ls[i], faults[i] = e.load(ctx, j.name, j.form, j.fill); faults[i] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	if err := first(faults); err != nil {
		slices.DeleteFunc(ls, func(l *loader) bool { return l == nil }).unload()
		return nil, err
	}
	return ls, nil
}

// unload drops them, on every shard, as far as it can be reached.
func (ls loads) unload() {
	if len(ls) == 0 {
		return
	}
	var names []string
	for _, l := range ls {
		names = append(names, l.name)
	}
	e := ls[0].e
	_ = e.every(func(shard int) error { // each says itself what stays
		e.abandon(shard, names...)
		return nil
	})
	e.forgetLoads(names...)
}

// publish gives the tables their names, on every shard. If that fails, those that
// have theirs are not held: something is held whole or not at all.
func (ls loads) publish(ctx context.Context, e *Engine, id, by string, until time.Time) ([]table, error) {
	err := e.each(ctx, func(ctx context.Context, shard int) error {
		faults := make([]error, len(ls))
		var wg sync.WaitGroup
		for i, l := range ls {
			n := note{Version: layout, ID: id, By: by, Rows: l.shards[shard].rows, Shard: shard, Shards: len(e.shards)}
			if !until.IsZero() {
				n.Until = until.Unix()
			}
			wg.Go(func() { faults[i] = e.publish(ctx, shard, l.name, l.final, n) })
		}
		wg.Wait()
		return first(faults)
	})
	if err != nil {
		ls.unload()
		return nil, err
	}
	var out []table
	for _, l := range ls {
		out = append(out, l.as(l.final))
		e.forgetLoads(l.name)
	}
	return out, nil
}
