package matcher_test

import (
	"context"
	"slices"
	"testing"

	"awase/crypto/token"
	"awase/matcher"
	"awase/matcher/enginetest"
)

var testKey = [32]byte{1, 2, 3}

// loader makes the embedded engine take rows.
type loader struct {
	*matcher.Embedded
	opts  []matcher.Option
	logs  int // given names so far
	bases map[matcher.PopulationID]*matcher.Base
	// through, if set, is what a segment goes through before it is used.
	base func(*matcher.Base) (*matcher.Base, error)
	list func(*matcher.List) (*matcher.List, error)
}

func newLoader(opts ...matcher.Option) *loader {
	return &loader{Embedded: matcher.NewEmbedded(opts...), opts: opts, bases: map[matcher.PopulationID]*matcher.Base{}}
}

func (l *loader) LoadBase(ctx context.Context, columns []matcher.Column, people []matcher.Person, prev matcher.PopulationID) (matcher.PopulationID, error) {
	b, err := buildBase(ctx, columns, people, l.bases[prev], l.opts...)
	if err == nil && l.base != nil {
		b, err = l.base(b)
	}
	if err != nil {
		return matcher.PopulationID{}, err
	}
	return l.put(b), nil
}

// put gives a base a name of its own, even for equal content: ids differ between
// versions.
func (l *loader) put(b *matcher.Base) matcher.PopulationID {
	id := matcher.PopulationID(b.Digest(testKey))
	id[0], id[1], id[2] = byte(len(l.bases)), byte(len(l.bases)>>8), byte(len(l.bases)>>16)
	id[31] |= 1
	l.bases[id] = b
	l.PutBase(id, b)
	return id
}

func (l *loader) LoadList(ctx context.Context, columns []matcher.Column, rows []matcher.ListRow) (matcher.ListID, error) {
	list, err := buildList(ctx, columns, rows, l.opts...)
	if err == nil && l.list != nil {
		list, err = l.list(list)
	}
	if err != nil {
		return matcher.ListID{}, err
	}
	return l.PutList(list), nil
}

func (l *loader) Tombstone(_ context.Context, pop matcher.PopulationID, users []token.Token) (matcher.PopulationID, error) {
	return l.put(l.bases[pop].WithTombstones(users)), nil
}

func (l *loader) LoadEvents(_ context.Context, pop matcher.PopulationID, types []matcher.EventType, unit string, rows []matcher.EventRow) (matcher.EventsID, error) {
	log, err := matcher.NewEvents(l.bases[pop], types, unit, slices.Values(rows))
	if err != nil {
		return matcher.EventsID{}, err
	}
	l.logs++
	id := matcher.EventsID{byte(l.logs), byte(l.logs >> 8), byte(l.logs >> 16)}
	l.PutEvents(pop, id, log)
	return id, nil
}

func buildBase(ctx context.Context, columns []matcher.Column, people []matcher.Person, prev *matcher.Base, opts ...matcher.Option) (*matcher.Base, error) {
	b := matcher.NewBaseBuilder(columns, opts...)
	parts := make([]*matcher.BasePart, len(people)%3) // none: all by the builder itself
	for i := range parts {
		var err error
		if parts[i], err = b.Part(); err != nil {
			return nil, err
		}
	}
	for i := range people {
		add := b.Add
		if len(parts) > 0 {
			add = parts[i*7%len(parts)].Add
		}
		if err := add(&people[i]); err != nil {
			return nil, err
		}
	}
	return b.Build(ctx, prev)
}

func buildList(ctx context.Context, columns []matcher.Column, rows []matcher.ListRow, opts ...matcher.Option) (*matcher.List, error) {
	b := matcher.NewListBuilder(columns, testKey, opts...)
	for i := range rows {
		if err := b.Add(&rows[i]); err != nil {
			return nil, err
		}
	}
	return b.Build(ctx)
}

func TestEmbedded(t *testing.T) {
	for name, opts := range map[string][]matcher.Option{
		"one worker":    {matcher.Workers(1)},
		"three workers": {matcher.Workers(3)},
	} {
		t.Run(name, func(t *testing.T) {
			enginetest.Run(t, func(*testing.T) enginetest.Loader { return newLoader(opts...) })
		})
	}
	// The same answers from segments that were written and read.
	t.Run("reopened", func(t *testing.T) {
		enginetest.Run(t, func(*testing.T) enginetest.Loader {
			l := newLoader()
			l.base = func(b *matcher.Base) (*matcher.Base, error) { return matcher.OpenBase(reader(b.Columns())) }
			l.list = func(list *matcher.List) (*matcher.List, error) { return matcher.OpenList(reader(list.Columns())) }
			return l
		})
	})
}
