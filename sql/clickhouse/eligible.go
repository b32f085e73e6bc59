package clickhouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2"

	"awase/matcher"
)

// eligible is who of a build may be counted under an eligibility: the one flag. Who
// asked for deletion or a stop of use is among them; each question leaves them out,
// and no shard keeps who they are.
type eligible struct {
	people table // clusters and their codes
	// tokens are theirs of a kind of which nobody has two, with clusters and codes: a
	// list of that kind alone is counted in one pass. nil: not asked for yet.
	tokens [matcher.Kinds]*table
}

// making is the turn of who makes tables of a build's, or reads which there are.
type making struct {
	e     *Engine
	id    matcher.BuildID
	build *build
	all   []map[string]found // what shards have; nil: not asked yet
}

// make takes the turn of a build, until done.
func (e *Engine) make(ctx context.Context, id matcher.BuildID, b *build) (*making, error) {
	if err := b.making.take(ctx); err != nil {
		return nil, err
	}
	return &making{e: e, id: id, build: b}, nil
}

func (m *making) done() { m.build.making.give() }

// look finds out what the shards have, once.
func (m *making) look(ctx context.Context) (err error) {
	if m.all == nil {
		m.all, err = m.e.allTables(ctx, m.e.counts())
	}
	return err
}

// have gives a table that every shard has, or has just been made. It is named by then:
// Keep, which forgets a build and then looks for its tables, either finds this one or is
// seen here.
func (m *making) have(ctx context.Context, name, by string, make func() (table, error)) (table, error) {
	if err := m.look(ctx); err != nil {
		return table{}, err
	}
	if t, ok := m.e.held(m.all, name, whole(m.id), by); ok {
		return t, nil
	}
	t, err := make()
	if err != nil {
		return table{}, err
	}
	m.e.mu.Lock()
	now := m.e.builds[m.id]
	m.e.mu.Unlock()
	if now != m.build {
		m.abandon(name)
		return table{}, matcher.Gone("population")
	}
	return t, nil
}

// abandon drops what was made of what is gone.
func (m *making) abandon(name string) {
	_ = m.e.every(func(shard int) error { // each says itself what stays
		m.e.abandon(shard, name)
		return nil
	})
}

// mayCount gives the tables of those who may be counted that a query reads, and makes
// what is not there.
func (e *Engine) mayCount(ctx context.Context, s *snapshot, q *matcher.Query) (*eligible, error) {
	id, b := s.id, s.build
	by, err := digest(id, &q.Eligible)
	if err != nil {
		return nil, err
	}
	m, err := e.make(ctx, id, b)
	if err != nil {
		return nil, err
	}
	defer m.done()
	if len(e.shards) > 1 {
		for of, l := range s.lists {
			if err := e.cutList(ctx, m, of, l); err != nil {
				return nil, err
			}
		}
	}
	s.cuts = e.cutsOf(b, s.lists)
	next := eligible{}
	if was := b.eligible[by]; was != nil {
		next = *was // those that count read the other
	}
	if next.people.name == "" {
		name := popName(id, by, "people")
		if next.people, err = m.have(ctx, name, by, func() (table, error) { return e.makePeople(ctx, id, b, &q.Eligible, name, by) }); err != nil {
			return nil, fmt.Errorf("loading who is eligible: %w", err)
		}
	}
	if k, one := s.oneKind(q); one && next.tokens[k] == nil {
		single, err := e.single(ctx, b, k)
		if err != nil {
			return nil, err
		}
		if single {
			name := popName(id, by, tokenPart(k))
			t, err := m.have(ctx, name, by, func() (table, error) { return e.makeTokens(ctx, id, b, next.people, k, name, by) })
			if err != nil {
				return nil, fmt.Errorf("loading who is eligible: %w", err)
			}
			next.tokens[k] = &t
		}
	}
	b.eligible[by] = &next
	return &next, nil
}

// makePeople sends who is eligible to the shards, which put their codes beside them.
func (e *Engine) makePeople(ctx context.Context, id matcher.BuildID, b *build, of *matcher.Eligibility, name, by string) (table, error) {
	l, err := e.load(ctx, name, form{name: "eligible"}, func(ctx context.Context, l *loader) error {
		for ids := range b.standings.Load().Eligible(of, piece) {
			for _, id := range ids {
				b, err := l.at(ctx, l.shardOf(id))
				if err != nil {
					return err
				}
				b.ids = append(b.ids, id)
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return table{}, err
	}
	defer l.unload()
	d := derivation{
		create: withCodes(statement("create_people"), len(b.columns), ", c%d UInt8"),
		fill:   withCodes(statement("people"), len(b.columns), ", c%d"),
		from:   map[string]table{"people": b.people, "eligible": l.as(l.name)}, parts: []string{"0"},
	}
	for i := range l.shards {
		d.rows = append(d.rows, l.shards[i].rows)
	}
	return e.derive(ctx, name, &d, note{Version: layout, ID: whole(id), By: by})
}

// makeTokens has the shards put the codes of those who are eligible beside their
// tokens, so that a list is counted in one pass over one table.
func (e *Engine) makeTokens(ctx context.Context, id matcher.BuildID, b *build, people table, k matcher.Kind, name, by string) (table, error) {
	d := derivation{
		create: withCodes(statement("create_eligible_token"), len(b.columns), ", c%d UInt8"),
		fill:   withCodes(statement("eligible_token"), len(b.columns), ", c%d"),
		from:   map[string]table{"people": people, "tokens": b.tokens[k]}, parts: []string{"0"},
	}
	return e.derive(ctx, name, &d, note{Version: layout, ID: whole(id), By: by})
}

// single tells whether nobody of a build has two tokens of a kind. Who calls it
// has the turn of b.
func (e *Engine) single(ctx context.Context, b *build, k matcher.Kind) (bool, error) {
	if known := b.single[k]; known != nil {
		return *known, nil
	}
	singles := make([]bool, len(e.shards))
	err := e.each(ctx, func(ctx context.Context, shard int) error {
		return e.steady(ctx, e.counts(), shard, []table{b.tokens[k]}, func() error {
			return e.again(ctx, limits{e.long, e.counts().patience}, shard, "looking at tokens", func(ctx context.Context) error {
				return e.shards[shard].QueryRow(clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"table": e.at(b.tokens[k].name, shard)})), statement("single")).Scan(&singles[shard])
			})
		})
	})
	if err != nil {
		return false, err
	}
	single := !slices.Contains(singles, false)
	b.single[k] = &single
	return single, nil
}

// digest names an eligibility of a build.
func digest(id matcher.BuildID, of *matcher.Eligibility) (string, error) {
	text, err := json.Marshal(of)
	if err != nil {
		return "", fmt.Errorf("naming an eligibility: %w", err)
	}
	h := sha256.New()
	h.Write(id[:])
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil)), nil
}
