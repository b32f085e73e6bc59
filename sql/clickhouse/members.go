package clickhouse

import (
	"context"
	"slices"

	"awase/crypto/token"
	"awase/matcher"
)

// Members gives the audience of q: see matcher.Engine, and Cells for its errors.
func (e *Engine) Members(ctx context.Context, q matcher.Query) ([]matcher.Hit, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, _, err := e.check(&q)
	if err != nil {
		return nil, err
	}
	if err := matcher.CheckMembers(&q, s); err != nil {
		return nil, err
	}
	may, err := e.mayCount(ctx, s, &q)
	if err != nil {
		return nil, e.uncounted(err)
	}
	out, err := e.members(ctx, e.binder(s, may, &q))
	if err != nil {
		return nil, e.uncounted(err)
	}
	return out, nil
}

func (e *Engine) members(ctx context.Context, b *binder) ([]matcher.Hit, error) {
	b.names = true
	text := b.statement()
	if text == "" {
		return nil, nil
	}
	answers := make([][]matcher.Hit, len(e.shards))
	err := e.everyShard(ctx, b, text, func(ctx context.Context, shard int, text string) (err error) {
		answers[shard], err = e.named(ctx, shard, text, b)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := slices.Concat(answers...)
	matcher.SortHits(out)
	for i := range out {
		if i > 0 && out[i] == out[i-1] {
			return nil, e.nonsense(int(out[i].Cluster) % len(e.shards))
		}
	}
	return out, nil
}

// named reads the members that a shard names. A cluster of another shard's, or one that
// was to be left out, is no answer.
func (e *Engine) named(ctx context.Context, shard int, text string, b *binder) (out []matcher.Hit, err error) {
	rows, err := e.carried(ctx, shard, text, b.params, b.snapshot.gone)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	listed := b.query.List != (matcher.ListID{})
	gone := make(map[uint32]bool, len(b.snapshot.gone))
	for _, id := range b.snapshot.gone {
		gone[id] = true
	}
	var (
		id   uint32
		kind uint8
		raw  string
	)
	for rows.Next() {
		if err := rows.Scan(&id, &kind, &raw); err != nil {
			return nil, err
		}
		h := matcher.Hit{Cluster: id, Kind: matcher.Kind(kind)}
		if gone[id] || id%uint32(len(e.shards)) != uint32(shard) || listed != (h.Kind < matcher.Kinds) || h.Kind > matcher.Kinds || len(raw) != token.Size {
			return nil, e.nonsense(shard)
		}
		copy(h.Token[:], raw)
		out = append(out, h)
	}
	return out, rows.Err()
}
