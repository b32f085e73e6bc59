package clickhouse

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"awase/crypto/token"
	"awase/matcher"
	"awase/matcher/enginetest"
)

// remote makes an Engine take rows, through the builds and lists that the enclave
// would give it.
type remote struct {
	*Engine
	names names
	bases map[matcher.PopulationID]*matcher.Base
	build map[matcher.PopulationID]matcher.BuildID
	gone  map[matcher.PopulationID][]token.Token
}

func newRemote(e *Engine) *remote {
	return &remote{Engine: e, bases: map[matcher.PopulationID]*matcher.Base{}, build: map[matcher.PopulationID]matcher.BuildID{},
		gone: map[matcher.PopulationID][]token.Token{}}
}

// names gives names that nothing has: tables are called by their beginning.
type names uint64

func (n *names) next() (id [32]byte) {
	*n++
	binary.BigEndian.PutUint64(id[:], uint64(*n))
	id[31] = 1
	return id
}

func (r *remote) LoadBase(ctx context.Context, columns []matcher.Column, people []matcher.Person, prev matcher.PopulationID) (matcher.PopulationID, error) {
	base, err := buildBase(ctx, columns, people, r.bases[prev])
	if err != nil {
		return matcher.PopulationID{}, err
	}
	id := matcher.BuildID(r.names.next())
	if err := r.PutBase(ctx, id, columns, func() (*matcher.Base, error) { return base, nil }); err != nil {
		return matcher.PopulationID{}, err
	}
	return r.populate(ctx, base, id, nil)
}

func buildBase(ctx context.Context, columns []matcher.Column, people []matcher.Person, prev *matcher.Base) (*matcher.Base, error) {
	b := matcher.NewBaseBuilder(columns)
	for i := range people {
		if err := b.Add(&people[i]); err != nil {
			return nil, err
		}
	}
	return b.Build(ctx, prev)
}

func buildList(ctx context.Context, columns []matcher.Column, rows []matcher.ListRow) (*matcher.List, error) {
	b := matcher.NewListBuilder(columns, [32]byte{1})
	for i := range rows {
		if err := b.Add(&rows[i]); err != nil {
			return nil, err
		}
	}
	return b.Build(ctx)
}

func (r *remote) populate(ctx context.Context, base *matcher.Base, id matcher.BuildID, gone []token.Token) (matcher.PopulationID, error) {
	pop := matcher.PopulationID(r.names.next())
	r.bases[pop], r.build[pop], r.gone[pop] = base, id, gone
	return pop, r.PutPopulation(ctx, pop, id, func() (*matcher.Standings, error) { return base.Standings(), nil }, gone)
}

func (r *remote) LoadList(ctx context.Context, columns []matcher.Column, rows []matcher.ListRow) (matcher.ListID, error) {
	list, err := buildList(ctx, columns, rows)
	if err != nil {
		return matcher.ListID{}, err
	}
	return list.ID(), r.PutList(ctx, list.ID(), columns, func() (*matcher.List, error) { return list, nil }, time.Now().Add(time.Hour))
}

func (r *remote) Tombstone(ctx context.Context, pop matcher.PopulationID, users []token.Token) (matcher.PopulationID, error) {
	return r.populate(ctx, r.bases[pop], r.build[pop], append(append([]token.Token{}, r.gone[pop]...), users...))
}

func (r *remote) LoadEvents(ctx context.Context, pop matcher.PopulationID, types []matcher.EventType, unit string, rows []matcher.EventRow) (matcher.EventsID, error) {
	id := matcher.EventsID(r.names.next())
	each := func(yield func(matcher.EventRow, error) bool) {
		for i := range rows {
			if !yield(rows[i], nil) {
				return
			}
		}
	}
	return id, r.PutEvents(ctx, r.build[pop], id, matcher.Log{Types: types, Unit: unit}, iter.Seq2[matcher.EventRow, error](each), time.Now().Add(time.Hour))
}

// One server and two give the oracle's answers.
func TestConformance(t *testing.T) {
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			enginetest.Run(t, func(t *testing.T) enginetest.Loader { return newRemote(open(t, options(t, n))) })
		})
	}
}

// embedded is the engine in memory, for what is compared with it.
type embedded struct {
	*matcher.Embedded
	names names
	bases map[matcher.PopulationID]*matcher.Base
}

func newEmbedded() *embedded {
	return &embedded{Embedded: matcher.NewEmbedded(), bases: map[matcher.PopulationID]*matcher.Base{}}
}

func (e *embedded) LoadBase(ctx context.Context, columns []matcher.Column, people []matcher.Person, prev matcher.PopulationID) (matcher.PopulationID, error) {
	base, err := buildBase(ctx, columns, people, e.bases[prev])
	if err != nil {
		return matcher.PopulationID{}, err
	}
	return e.put(base), nil
}

func (e *embedded) put(base *matcher.Base) matcher.PopulationID {
	pop := matcher.PopulationID(e.names.next())
	e.bases[pop] = base
	e.PutBase(pop, base)
	return pop
}

func (e *embedded) LoadList(ctx context.Context, columns []matcher.Column, rows []matcher.ListRow) (matcher.ListID, error) {
	list, err := buildList(ctx, columns, rows)
	if err != nil {
		return matcher.ListID{}, err
	}
	return e.PutList(list), nil
}

func (e *embedded) Tombstone(_ context.Context, pop matcher.PopulationID, users []token.Token) (matcher.PopulationID, error) {
	return e.put(e.bases[pop].WithTombstones(users)), nil
}

func (e *embedded) LoadEvents(_ context.Context, pop matcher.PopulationID, types []matcher.EventType, unit string, rows []matcher.EventRow) (matcher.EventsID, error) {
	id := matcher.EventsID(e.names.next())
	return id, e.BindEvents(pop, id, types, unit, slices.Values(rows))
}

// load gives one world to an engine in memory and to others.
func loadWorld(t *testing.T, people int, engines ...enginetest.Loader) (want *enginetest.Loaded, others []*enginetest.Loaded) {
	t.Helper()
	w := enginetest.NewWorld(people, 7)
	for i, e := range append([]enginetest.Loader{newEmbedded()}, engines...) {
		l, err := w.Load(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			want = l
		} else {
			others = append(others, l)
		}
	}
	return want, others
}

// Questions of one larger world have the same answers in memory, on one server and
// on two.
func TestWorld(t *testing.T) {
	people, questions := 20_000, 150
	if testing.Short() {
		people, questions = 2_000, 30
	}
	want, others := loadWorld(t, people, newRemote(open(t, options(t, 1))), newRemote(open(t, options(t, 2))))
	some := 0
	for n := range questions {
		a, err := want.Ask(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		for _, cell := range a.Users {
			if cell > 0 {
				some++
				break
			}
		}
		for i, o := range others {
			if b, err := o.Ask(t.Context(), n); err != nil || !enginetest.Same(a, b) {
				t.Errorf("question %d: %d shards give %v, %v\nwant %v\nquery %+v", n, i+1, b, err, a, want.Query(n))
			}
		}
	}
	if some < questions/2 {
		t.Errorf("%d of %d questions found anybody: they tell nothing", some, questions)
	}
}
