package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"awase/crypto/token"
	"awase/matcher"
)

// eventLog is a log that is held, bound to the clusters of a build.
type eventLog struct {
	log   matcher.Log
	table table // cluster, day, type, value
	until time.Time
}

// logRows are the columns of a staged log that other tables do not have. An event
// is as many rows as it has tokens. It has a place in its part of the log, and parts
// are bound one after the other.
type logRows struct {
	parts []uint32
	kinds []uint8 // of the tokens; userKind: of a user key
	days  []int32
	types []uint8
	value []int64
}

// userKind stands for the user key among the kinds of tokens.
const userKind = 255

func (r *logRows) columns() []any { return []any{r.parts, r.kinds, r.days, r.types, r.value} }

func (r *logRows) reset() {
	r.parts, r.kinds, r.days, r.types, r.value = r.parts[:0], r.kinds[:0], r.days[:0], r.types[:0], r.value[:0]
}

// factor is what a row's token is weighed with in the checksum.
func (r *logRows) factor(i int) uint64 {
	return 2*(mix(uint64(r.value[i]))+mix(uint64(r.parts[i])<<32|uint64(uint32(r.days[i])))+mix(uint64(r.kinds[i])<<8|uint64(r.types[i]))) + 1
}

// partEvents are the events that are bound by one statement: what a shard must
// have in memory for it stays in its limit, whatever the log.
const partEvents = 1 << 22

// errEventType says that a log is not what its record says.
var errEventType = errors.New("an event is of a type that its log does not have")

func (e *Engine) heldLog(all []map[string]found, b matcher.BuildID, id matcher.EventsID) (table, bool) {
	return e.held(all, logName(b, id), whole(b), whole(id))
}

// PutEvents makes every shard hold the events of its clusters of a build. The rows
// go to every shard, which finds their clusters by its own tokens: an event counts
// for every cluster that holds one of its unambiguous tokens (matcher.NewEvents).
func (e *Engine) PutEvents(ctx context.Context, buildID matcher.BuildID, id matcher.EventsID, log matcher.Log, rows iter.Seq2[matcher.EventRow, error], until time.Time) error {
	if !time.Now().Before(until) {
		return matcher.Gone("events")
	}
	until = lastMoment(until)
	if err := e.putting.take(ctx); err != nil {
		return err
	}
	defer e.putting.give()
	e.mu.Lock()
	b := e.builds[buildID]
	e.mu.Unlock()
	if b == nil {
		return matcher.Gone("build")
	}
	all, err := e.allTables(ctx, e.puts())
	if err != nil {
		return err
	}
	held, ok := e.heldLog(all, buildID, id)
	if ok {
		if end := time.Unix(all[0][e.at(held.name, 0)].note.Until, 0); end.Before(until) {
			until = end
		}
	} else {
		staged, err := e.load(ctx, logName(buildID, id), form{name: "stage", tokens: true, log: true}, func(ctx context.Context, l *loader) error {
			return l.stage(ctx, &log, rows)
		})
		if err != nil {
			return fmt.Errorf("loading events: %w", err)
		}
		defer staged.unload()
		if held, err = e.bind(ctx, b, staged, note{Version: layout, ID: whole(buildID), By: whole(id), Until: until.Unix()}); err != nil {
			return fmt.Errorf("binding events: %w", err)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.logs[matcher.BoundEvents{Build: buildID, Events: id}] = &eventLog{log, held, until}
	return nil
}

// stage gives the rows of a log to every shard.
func (l *loader) stage(ctx context.Context, log *matcher.Log, rows iter.Seq2[matcher.EventRow, error]) error {
	n := uint64(0)
	for r, err := range rows {
		if err != nil {
			return err
		}
		if int(r.Type) >= len(log.Types) {
			return errEventType
		}
		part, place := n/partEvents, uint32(n%partEvents)
		n++
		for shard := range l.shards {
			if r.User != nil {
				if err := l.stageOne(ctx, shard, &r, uint32(part), place, userKind, r.User); err != nil {
					return err
				}
				continue
			}
			for i := range r.Tokens {
				if r.Tokens[i].Kind >= matcher.Kinds {
					continue
				}
				if err := l.stageOne(ctx, shard, &r, uint32(part), place, uint8(r.Tokens[i].Kind), &r.Tokens[i].Token); err != nil {
					return err
				}
			}
		}
	}
	l.parts = int((n + partEvents - 1) / partEvents)
	return ctx.Err()
}

func (l *loader) stageOne(ctx context.Context, shard int, r *matcher.EventRow, part, place uint32, kind uint8, t *token.Token) error {
	b, err := l.at(ctx, shard)
	if err != nil {
		return err
	}
	b.addToken(t, place)
	b.log.parts = append(b.log.parts, part)
	b.log.kinds = append(b.log.kinds, kind)
	b.log.days = append(b.log.days, r.Day)
	b.log.types = append(b.log.types, r.Type)
	b.log.value = append(b.log.value, r.Value)
	return nil
}

// bind makes of a staged log the log of the build's clusters, on every shard.
func (e *Engine) bind(ctx context.Context, b *build, staged *loader, n note) (table, error) {
	d := derivation{
		create: statement("create_log"), until: n.Until, fill: statement("bind"),
		from: map[string]table{"stage": staged.as(staged.name), "user": b.user},
	}
	for k := range matcher.Kinds {
		d.from[tokenPart(k)] = b.tokens[k]
	}
	for part := range staged.parts {
		d.parts = append(d.parts, fmt.Sprint(part))
	}
	return e.derive(ctx, staged.final, &d, n)
}

// log finds a log of a population's build.
func (e *Engine) log(b matcher.BuildID, id matcher.EventsID, field string) (*eventLog, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.logs[matcher.BoundEvents{Build: b, Events: id}]
	if l == nil || !time.Now().Before(l.until) {
		return nil, matcher.Gone(field)
	}
	return l, nil
}
