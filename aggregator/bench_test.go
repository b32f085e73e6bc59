package aggregator

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"testing"
	"time"

	"awase/entrustment"
	"awase/matcher"
)

// encodingBook encodes its records as the record log does.
type encodingBook struct{ *memoryBook }

func (b encodingBook) Charge(ctx context.Context, c []Charge) (time.Time, error) {
	if _, err := json.Marshal(c); err != nil {
		return time.Time{}, err
	}
	return b.memoryBook.Charge(ctx, c)
}

func (b encodingBook) Store(ctx context.Context, t *Table) (time.Time, error) {
	if _, err := json.Marshal(t); err != nil {
		return time.Time{}, err
	}
	return b.memoryBook.Store(ctx, t)
}

// BenchmarkGate is T11: a report of 4,096 cells and five measures from question
// to stored table, its records encoded, without counting and without fsync. Beside the time it
// prints the ratio to hashing what it makes, 8 bytes a number, with SHA-256.
func BenchmarkGate(b *testing.B) {
	src := eventSources()
	src.Columns = nil
	q := &entrustment.Question{Schema: "awase.report/v1", Report: "behaviour", Entrustment: "e", List: "spring",
		Categories: []string{"shop"}, Measures: []string{"users", "events", "impressions", "clicks", "spend"}}
	for _, name := range []string{"a", "b"} {
		src.Columns = append(src.Columns, matcher.Column{Name: name, Domain: values(64)})
		q.Dims = append(q.Dims, name)
	}
	exact := sumsEngine{users: make([]int64, MaxCells)}
	for range 4 {
		exact.sums = append(exact.sums, make([]int64, MaxCells))
	}
	for i := range MaxCells {
		exact.users[i] = int64(i % 300)
		for m := range exact.sums {
			exact.sums[m][i] = exact.users[i] * int64(m+1)
		}
	}
	policy := DefaultPolicy()
	clock := newRoom().clock
	var work [8 * 5 * MaxCells]byte
	for b.Loop() {
		g := New(exact, encodingBook{&memoryBook{now: clock.Now}}, clock, testKeys)
		plan, err := Compile(q, src, &policy)
		if err != nil {
			b.Fatal(err)
		}
		if n := plan.Tables[0].Spec.cells(); n != MaxCells {
			b.Fatalf("%d cells", n)
		}
		tables, err := g.draw(context.Background(), g.Pay(context.Background(), plan))
		if err != nil {
			b.Fatal(err)
		}
		Compose(plan, tables)
	}
	took := b.Elapsed().Seconds() / float64(b.N)
	const rounds = 100
	start := time.Now()
	for range rounds {
		for i := 0; i < len(work); i += 8 {
			binary.LittleEndian.PutUint64(work[i:], uint64(i))
			sha256.Sum256(work[i : i+8])
		}
	}
	peer := time.Since(start).Seconds() / rounds
	b.ReportMetric(took*1e3, "ms/report")
	b.ReportMetric(took/peer, "×sha256")
}
