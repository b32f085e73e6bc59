package clickhouse

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"awase/matcher"
)

//go:embed schema/*.sql
var schema embed.FS

// statement gives one of the statements by name.
func statement(name string) string {
	text, err := schema.ReadFile("schema/" + name + ".sql")
	if err != nil {
		return "" // the server refuses it: TestStatements reads them all
	}
	return string(text)
}

// withCodes puts what each column of codes has in the place of {codes}. Columns are
// known by number alone.
func withCodes(text string, columns int, each string) string {
	var all strings.Builder
	for i := range columns {
		fmt.Fprintf(&all, each, i)
	}
	return strings.ReplaceAll(text, "{codes}", all.String())
}

// table is one that the engine holds, on each shard.
type table struct {
	name string   // without the place of a shard
	rows []uint64 // by shard
}

func (t *table) same(other *table) bool {
	return t.name == other.name && slices.Equal(t.rows, other.rows)
}

// note is the comment of a table: what it is of and how much of it.
type note struct {
	Version int    `json:"v"`
	ID      string `json:"id"`           // whole
	By      string `json:"by,omitempty"` // of a log, a cut list and an eligible population: the other id
	Owner   string `json:"owner,omitempty"`
	Rows    uint64 `json:"rows"`
	Shard   int    `json:"shard"` // from 0
	Shards  int    `json:"shards"`
	Until   int64  `json:"until,omitempty"` // seconds since 1970
}

// layout is the version of the tables: those of another are not held.
const layout = 2

var (
	ours    = regexp.MustCompile(`^((base_[0-9a-f]{16}_(people|user|token[0-9])|pop_[0-9a-f]{16}_[0-9a-f]{16}_(people|token[0-9])|list_[0-9a-f]{16}_(row|token[0-9])|cut_[0-9a-f]{16}_[0-9a-f]{16}_token[0-9]|log_[0-9a-f]{16}_[0-9a-f]{16})(_loading_[0-9a-f]{16})?)(_[0-9]+of[0-9]+)?$`)
	loading = "_loading_"
)

// shardMark stands in a statement for the shard that it is for.
const shardMark = "{shard}"

// place names a shard among all. Every table's name ends in it: a statement that is
// led to another server finds no table there, instead of that shard's.
func (e *Engine) place(shard int) string { return fmt.Sprintf("_%dof%d", shard, len(e.o.Shards)) }

// at gives the name that a table has on a shard.
func (e *Engine) at(name string, shard int) string { return name + e.place(shard) }

func short(id [32]byte) string { return hex.EncodeToString(id[:8]) }
func whole(id [32]byte) string { return hex.EncodeToString(id[:]) }

func baseName(b matcher.BuildID, part string) string { return "base_" + short(b) + "_" + part }
func listName(l matcher.ListID, part string) string  { return "list_" + short(l) + "_" + part }
func logName(b matcher.BuildID, g matcher.EventsID) string {
	return "log_" + short(b) + "_" + short(g)
}
func popName(b matcher.BuildID, by, part string) string {
	return "pop_" + short(b) + "_" + by[:16] + "_" + part
}
func cutName(b matcher.BuildID, l matcher.ListID, k matcher.Kind) string {
	return "cut_" + short(b) + "_" + short(l) + "_" + tokenPart(k)
}
func tokenPart(k matcher.Kind) string { return fmt.Sprintf("token%d", k) }

// loadingName gives the name of a table while it is loaded.
func loadingName(name string) string {
	var r [8]byte
	_, _ = rand.Read(r[:]) // never fails
	return name + loading + hex.EncodeToString(r[:])
}

// found is a table that a shard has.
type found struct {
	rows uint64
	note note // the zero one: none that can be read
}

// holds tells whether it is what a shard would hold whole now.
func (f *found) holds(shard, shards int, now time.Time) bool {
	n := f.note
	return n.Version == layout && n.Shard == shard && n.Shards == shards && n.Rows == f.rows && (n.Until == 0 || n.Until > now.Unix())
}

// tables gives the tables of our naming that a shard has.
func (e *Engine) tables(ctx context.Context, how limits, shard int) (map[string]found, error) {
	out := map[string]found{}
	err := e.again(ctx, how, shard, "listing tables", func(ctx context.Context) error {
		clear(out)
		rows, err := e.shards[shard].Query(ctx, statement("tables"))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name, comment string
			var f found
			if err := rows.Scan(&name, &comment, &f.rows); err != nil {
				return err
			}
			if !ours.MatchString(name) {
				continue
			}
			if json.Unmarshal([]byte(comment), &f.note) != nil {
				f.note = note{}
			}
			out[name] = f
		}
		return rows.Err()
	})
	return out, err
}

// allTables gives those of every shard.
func (e *Engine) allTables(ctx context.Context, how limits) ([]map[string]found, error) {
	out := make([]map[string]found, len(e.shards))
	err := e.each(ctx, func(ctx context.Context, shard int) (err error) {
		out[shard], err = e.tables(ctx, how, shard)
		return err
	})
	return out, err
}

// foreign tells whether a table of our naming is another's.
func (e *Engine) foreign(f *found) bool { return f.note.Owner != e.o.Owner }

// held gives a table if every shard holds it whole, of this id.
func (e *Engine) held(all []map[string]found, name, id, by string) (table, bool) {
	t := table{name: name}
	for shard, tables := range all {
		f, ok := tables[e.at(name, shard)]
		if !ok || e.foreign(&f) || !f.holds(shard, len(all), time.Now()) || f.note.ID != id || f.note.By != by {
			return table{}, false
		}
		t.rows = append(t.rows, f.rows)
	}
	return t, true
}

// exec does a statement on a shard, again where that may help.
func (e *Engine) exec(ctx context.Context, shard int, doing, text string, p clickhouse.Parameters) error {
	return e.again(ctx, e.puts(), shard, doing, func(ctx context.Context) error {
		return e.shards[shard].Exec(clickhouse.Context(ctx, clickhouse.WithParameters(p)), text)
	})
}

// drop drops a table, by the name that it has there, and returns when it is gone.
func (e *Engine) drop(ctx context.Context, shard int, name string) error {
	return e.again(ctx, e.loads(), shard, "dropping a table", func(ctx context.Context) error { return e.dropOnce(ctx, shard, name) })
}

func (e *Engine) dropOnce(ctx context.Context, shard int, name string) error {
	return e.shards[shard].Exec(clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"table": name}),
		clickhouse.WithSettings(clickhouse.Settings{"max_table_size_to_drop": 0})), statement("drop")) // however large: it can be made again
}

// noted puts a note into a statement, as the comment of its table.
func noted(text string, n *note) (string, error) {
	comment, err := json.Marshal(n)
	if err != nil {
		return "", fmt.Errorf("writing a table's comment: %w", err)
	}
	// A comment can't be a parameter. It holds our own digits alone.
	if strings.ContainsAny(string(comment), `'\`) {
		return "", errors.New("a table's comment has a quote")
	}
	return strings.ReplaceAll(text, "{comment}", string(comment)), nil
}

// create makes a table that is loaded on a shard. Whose it is stands there from the
// beginning.
func (e *Engine) create(ctx context.Context, shard int, name, text string, until int64) error {
	text, err := noted(text, &note{Version: layout, Owner: e.o.Owner})
	if err != nil {
		return err
	}
	return e.exec(ctx, shard, "making a table", text, clickhouse.Parameters{"table": e.at(name, shard), "until": fmt.Sprint(until)})
}

// publish gives a loaded table its comment and its name, on a shard.
func (e *Engine) publish(ctx context.Context, shard int, from, to string, n note) error {
	n.Owner = e.o.Owner
	from, to = e.at(from, shard), e.at(to, shard)
	comment, err := noted(statement("comment"), &n)
	if err != nil {
		return err
	}
	if err := e.exec(ctx, shard, "naming a table", comment, clickhouse.Parameters{"table": from}); err != nil {
		return err
	}
	if err := e.drop(ctx, shard, to); err != nil {
		return err
	}
	err = e.exec(ctx, shard, "naming a table", statement("rename"), clickhouse.Parameters{"from": from, "to": to})
	if err == nil || ctx.Err() != nil {
		return err
	}
	// Tried again, it can't find what it renamed before (error 60), or finds its name taken
	// by it (57): which the server looks at first is not said.
	if tables, other := e.tables(ctx, e.puts(), shard); other == nil && tables[to].note == n && tables[to].rows == n.Rows {
		return nil
	}
	return err
}
