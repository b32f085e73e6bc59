package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"awase/entrustment"
	"awase/matcher"
)

// Where there are several shards, a list is whole on each, and most of it is somebody
// else's there. Each shard has a table besides of those of its tokens that clusters there
// hold, so that a question reads a list once, however many shards there are. It is made
// when a list is put, for the build that was put last, and else by the list's first
// question.

// cutOf names what was cut: one kind of a list, for a build.
type cutOf struct {
	list matcher.ListID
	kind matcher.Kind
}

// cutList makes what a build has of a list, where it is not there.
func (e *Engine) cutList(ctx context.Context, m *making, id matcher.ListID, l *list) error {
	if _, err := e.list(id); err != nil {
		return err
	}
	var missing []matcher.Kind
	e.mu.Lock()
	for _, k := range m.build.common(l) {
		if _, ok := m.build.cuts[cutOf{id, k}]; !ok {
			missing = append(missing, k)
		}
	}
	e.mu.Unlock()
	if missing == nil {
		return nil
	}
	if err := m.look(ctx); err != nil {
		return err
	}
	faults := make([]error, len(missing))
	var wg sync.WaitGroup
	for i, k := range missing {
		wg.Go(func() { faults[i] = e.cut(ctx, m, id, l, k) })
	}
	wg.Wait()
	return first(faults)
}

func (e *Engine) cut(ctx context.Context, m *making, id matcher.ListID, l *list, k matcher.Kind) error {
	name := cutName(m.id, id, k)
	t, err := m.have(ctx, name, whole(id), func() (table, error) {
		until := l.until.Unix()
		d := derivation{create: statement("create_listed"), until: until, fill: statement("cut"),
			from: map[string]table{"tokens": m.build.tokens[k], "listed": l.tokens[k]}, parts: []string{"0"}}
		return e.derive(ctx, name, &d, note{Version: layout, ID: whole(m.id), By: whole(id), Until: until})
	})
	if err != nil {
		if _, over := e.list(id); over != nil { // rows whose time is over are missing
			return over
		}
		return fmt.Errorf("cutting a list to its shards: %w", err)
	}
	e.mu.Lock()
	gone := e.lists[id] == nil
	if !gone {
		m.build.cuts[cutOf{id, k}] = t
	}
	e.mu.Unlock()
	if gone { // as in have
		m.abandon(name)
		return matcher.Gone("list")
	}
	return nil
}

// cutsOf gives what a build has of lists, for a question.
func (e *Engine) cutsOf(b *build, lists map[matcher.ListID]*list) map[cutOf]table {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := map[cutOf]table{}
	for id := range lists {
		for k := range matcher.Kinds {
			if t, ok := b.cuts[cutOf{id, k}]; ok {
				out[cutOf{id, k}] = t
			}
		}
	}
	return out
}

// cutNew makes what the build that was put last has of a list that was put, so that no
// question has to. What is gone meanwhile needs none.
func (e *Engine) cutNew(ctx context.Context, id matcher.ListID, l *list) error {
	e.mu.Lock()
	of, b := e.last, e.builds[e.last]
	e.mu.Unlock()
	if b == nil || len(e.shards) == 1 {
		return nil
	}
	m, err := e.make(ctx, of, b)
	if err != nil {
		return err
	}
	defer m.done()
	err = e.cutList(ctx, m, id, l)
	var gone *entrustment.Error
	if errors.As(err, &gone) && gone.Code == entrustment.CodeGone {
		return nil
	}
	return err
}
