package clickhouse

import (
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"awase/matcher"
)

// list is a list that is held, whole on each shard.
type list struct {
	columns []matcher.Column
	row     table                // canonical rows and their codes
	tokens  [matcher.Kinds]table // tokens and the first canonical row of each
	until   time.Time
}

func (e *Engine) heldList(all []map[string]found, id matcher.ListID) (*list, bool) {
	l := &list{}
	ok := true
	get := func(part string) table {
		t, held := e.held(all, listName(id, part), whole(id), "")
		ok = ok && held
		return t
	}
	l.row = get("row")
	for k := range matcher.Kinds {
		l.tokens[k] = get(tokenPart(k))
	}
	if ok {
		l.until = time.Unix(all[0][e.at(l.row.name, 0)].note.Until, 0)
	}
	return l, ok
}

// lastMoment is until, or the end of what a server's clock can tell (2106), if that is
// before it: a time beyond would be taken for one that is over.
func lastMoment(until time.Time) time.Time {
	return time.Unix(min(until.Unix(), math.MaxUint32-86400), 0)
}

// PutList makes every shard hold a list, whole, until a moment, and what the build that
// was put last has of it.
func (e *Engine) PutList(ctx context.Context, id matcher.ListID, columns []matcher.Column, open func() (*matcher.List, error), until time.Time) error {
	if !time.Now().Before(until) {
		return matcher.Gone("list")
	}
	until = lastMoment(until)
	if err := e.putting.take(ctx); err != nil {
		return err
	}
	defer e.putting.give()
	all, err := e.allTables(ctx, e.puts())
	if err != nil {
		return err
	}
	l, ok := e.heldList(all, id)
	if !ok {
		from, err := open()
		if err != nil {
			return err
		}
		ls, err := e.loadList(ctx, id, from, len(columns), until)
		if err != nil {
			return fmt.Errorf("loading a list: %w", err)
		}
		tables, err := ls.publish(ctx, e, whole(id), "", until)
		if err != nil {
			return fmt.Errorf("loading a list: %w", err)
		}
		l = &list{row: tables[0], tokens: [matcher.Kinds]table(tables[1:]), until: until}
	} else if until.Before(l.until) {
		l.until = until
	}
	l.columns = columns
	e.mu.Lock()
	e.lists[id] = l
	e.mu.Unlock()
	return e.cutNew(ctx, id, l)
}

func (e *Engine) loadList(ctx context.Context, id matcher.ListID, from *matcher.List, columns int, until time.Time) (loads, error) {
	jobs := []job{{listName(id, "row"), form{name: "row", codes: columns, until: until, merged: true}, func(ctx context.Context, l *loader) error {
		return l.rowsOf(ctx, from)
	}}}
	for k := range matcher.Kinds {
		jobs = append(jobs, job{listName(id, tokenPart(k)), form{name: "listed", tokens: true, until: until, merged: true}, func(ctx context.Context, l *loader) error {
			return l.everywhere(ctx, from.KindTokens(k, piece))
		}})
	}
	return e.loadAll(ctx, jobs)
}

// rowsOf gives the codes of all canonical rows to every shard.
func (l *loader) rowsOf(ctx context.Context, from *matcher.List) error {
	codes := from.Codes()
	for row := range from.Rows() {
		for shard := range l.shards {
			b, err := l.at(ctx, shard)
			if err != nil {
				return err
			}
			b.ids = append(b.ids, uint32(row))
			for c := range b.codes {
				b.codes[c] = append(b.codes[c], codes[c][row])
			}
		}
	}
	return ctx.Err()
}

// everywhere gives each token to every shard.
func (l *loader) everywhere(ctx context.Context, pieces iter.Seq[matcher.Held]) error {
	for p := range pieces {
		for i := range p.Tokens {
			for shard := range l.shards {
				b, err := l.at(ctx, shard)
				if err != nil {
					return err
				}
				b.addToken(&p.Tokens[i], p.Values[i])
			}
		}
	}
	return ctx.Err()
}
