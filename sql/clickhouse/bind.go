package clickhouse

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"awase/crypto/token"
	"awase/matcher"
)

//go:embed queries/*.sql
var queries embed.FS

// fragments gives the texts that a statement is put together from, without their
// comments, by name.
func fragments() (map[string]string, error) {
	out := map[string]string{}
	files, err := fs.Glob(queries, "queries/*.sql")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		raw, err := queries.ReadFile(f)
		if err != nil {
			return nil, err
		}
		lines := slices.DeleteFunc(strings.Split(string(raw), "\n"), func(line string) bool { return strings.HasPrefix(line, "--") })
		out[strings.TrimSuffix(strings.TrimPrefix(f, "queries/"), ".sql")] = strings.TrimSpace(strings.Join(lines, "\n"))
	}
	return out, nil
}

// binder makes the statement of a query. The names in it are of our own tables and
// columns, numbers are places and limits; all else is a parameter.
type binder struct {
	*snapshot
	may    *eligible
	gone   bool // there are some to leave out
	names  bool // members are named, not counted
	query  *matcher.Query
	params clickhouse.Parameters
	texts  map[string]string
	used   []table // every table that is read

	columns  []string // of the people asked about
	base     map[int]bool
	listed   map[int]bool // columns of the query's list
	kinds    bool
	members  map[matcher.ListID]string // column that tells who is on a list of a condition
	eventful map[string]string         // by statement: column that tells who has events enough
	codes    map[string]string         // parameters of sets of codes
}

// fill gives a fragment with what stands in the places of {names}.
func (b *binder) fill(name string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		pairs[i] = "{" + pairs[i] + "}"
	}
	return strings.NewReplacer(pairs...).Replace(b.texts[name])
}

// param binds a value.
func (b *binder) param(kind, value string) string {
	name := fmt.Sprintf("p%d", len(b.params))
	b.params[name] = value
	return "{" + name + ":" + kind + "}"
}

// read notes that a table is read, and gives its name, with a mark for the shard.
func (b *binder) read(t table) string {
	if !slices.ContainsFunc(b.used, func(u table) bool { return u.name == t.name }) {
		b.used = append(b.used, t)
	}
	return t.name + shardMark
}

// number writes numbers as an array.
func number[T uint8 | uint16 | int64](values []T) string {
	var out strings.Builder
	for i, v := range values {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprint(&out, v)
	}
	return "[" + out.String() + "]"
}

// isOne tells whether a column of codes is one of some.
func (b *binder) isOne(column string, codes []uint8) string {
	if len(codes) == 0 {
		return "0"
	}
	text := number(codes)
	p := b.codes[text]
	if p == "" {
		p = b.param("Array(UInt8)", text)
		b.codes[text] = p
	}
	return column + " IN " + p
}

// statement gives what every shard is asked; "": no row of what is read can count.
func (b *binder) statement() string {
	b.base, b.listed = map[int]bool{}, map[int]bool{}
	b.members, b.eventful, b.codes = map[matcher.ListID]string{}, map[string]string{}, map[string]string{}
	where := "1"
	if b.query.Where != nil {
		where = b.where(b.query.Where)
	}
	if b.gone {
		where = b.texts["gone"] + " AND " + where
	}
	if b.names {
		return b.memberStatement(where)
	}
	cell := b.cell()
	if b.query.Events != nil {
		return b.eventStatement(cell, where)
	}
	if b.query.Attribution != nil {
		return b.creditStatement(cell, where)
	}
	asked := b.asked()
	if asked == "" {
		return ""
	}
	return b.fill("cells", "cell", cell, "people", asked, "where", where)
}

// memberStatement gives what names the members of an audience.
func (b *binder) memberStatement(where string) string {
	asked := b.asked()
	switch {
	case asked == "":
		return ""
	case b.query.List == (matcher.ListID{}):
		return b.fill("audience", "people", asked, "where", where, "kinds", fmt.Sprint(matcher.Kinds), "size", fmt.Sprint(token.Size))
	}
	return b.fill("members", "hits", b.hits(b.query.List, "token"), "people", asked, "where", where)
}

// strides gives how far apart in the table the values of each dimension are.
func (b *binder) strides() []int {
	dims := b.query.Dims
	out := make([]int, len(dims))
	stride := 1
	for i := len(dims) - 1; i >= 0; i-- {
		out[i] = stride
		stride *= dims[i].Size
	}
	return out
}

// cell gives the cell of one of the people, but for dimensions of events.
func (b *binder) cell() string {
	terms := []string{"0"}
	for i, stride := range b.strides() {
		column := ""
		switch d := &b.query.Dims[i]; d.Source {
		case matcher.BaseColumn, matcher.ListColumn:
			column = b.column(d.Source, d.Name)
		case matcher.MatchedBy:
			column, b.kinds = "matched", true
		case matcher.Assigned:
			column = b.share(d.Share)
		default:
			continue
		}
		terms = append(terms, fmt.Sprintf("%s * %d", column, stride))
	}
	return strings.Join(terms, " + ")
}

// column gives a column of the base, or of the query's list.
func (b *binder) column(source matcher.DimSource, name string) string {
	named := func(c matcher.Column) bool { return c.Name == name }
	if source == matcher.ListColumn {
		i := slices.IndexFunc(b.lists[b.query.List].columns, named)
		b.listed[i] = true
		return fmt.Sprintf("r%d", i)
	}
	i := slices.IndexFunc(b.build.columns, named)
	b.base[i] = true
	return fmt.Sprintf("c%d", i)
}

// asked gives the eligible people whom the query's list matches, with the columns
// that are needed of them; "": the list has no kind that the base has.
func (b *binder) asked() string {
	columns := []string{"p.id AS id"}
	var codes []string
	for i := range b.build.columns {
		if b.base[i] {
			codes = append(codes, fmt.Sprintf("c%d", i))
			columns = append(columns, fmt.Sprintf("p.c%d AS c%d", i, i))
		}
	}
	for _, more := range b.columns {
		columns = append(columns, "p."+more)
	}
	if b.query.List == (matcher.ListID{}) {
		return b.fill("everybody", "columns", strings.Join(columns, ", "), "people", b.read(b.may.people))
	}
	l := b.lists[b.query.List]
	if b.build.common(l) == nil {
		return ""
	}
	if k, one := b.oneKind(b.query); one && b.may.tokens[k] != nil {
		return b.fill("single", "columns", strings.Join(columns, ", "), "hits", b.hitsOf(b.query.List, k, *b.may.tokens[k], codes))
	}
	people := b.read(b.may.people)
	name, listed, row := "matched", "", ""
	if b.kinds {
		name = "first"
		columns = append(columns, "h.matched AS matched")
	}
	for i := range l.columns {
		if b.listed[i] {
			name = "rows"
			columns = append(columns, fmt.Sprintf("h.r%d AS r%d", i, i))
			listed += fmt.Sprintf(", r.c%d AS r%d", i, i)
		}
	}
	if name == "rows" {
		row = b.read(l.row)
	}
	return b.fill(name, "columns", strings.Join(columns, ", "), "people", people, "hits", b.hits(b.query.List), "codes", listed, "list", row)
}

// common gives the kinds of which both a build and a list have tokens.
func (b *build) common(l *list) (out []matcher.Kind) {
	for k := range matcher.Kinds {
		if !b.tokens[k].empty() && !l.tokens[k].empty() {
			out = append(out, k)
		}
	}
	return out
}

// oneKind gives the kind by which alone a query's list finds anybody, where nothing
// is asked about how it did.
func (s *snapshot) oneKind(q *matcher.Query) (matcher.Kind, bool) {
	if q.List == (matcher.ListID{}) {
		return 0, false
	}
	kinds := s.build.common(s.lists[q.List])
	if len(kinds) != 1 || slices.ContainsFunc(q.Dims, func(d matcher.Dim) bool { return d.Source == matcher.MatchedBy || d.Source == matcher.ListColumn }) || listed(q.Where) {
		return 0, false
	}
	return kinds[0], true
}

// listed tells whether a condition looks at a column of the list.
func listed(w *matcher.Where) bool {
	if w == nil {
		return false
	}
	in := func(w matcher.Where) bool { return listed(&w) }
	return w.In != nil && w.In.Source == matcher.ListColumn || listed(w.Not) || slices.ContainsFunc(w.All, in) || slices.ContainsFunc(w.Any, in)
}

// hits gives the clusters that hold a token of a list, once for each that they hold,
// with some columns of the base's token.
func (b *binder) hits(id matcher.ListID, with ...string) string {
	var kinds []string
	for _, k := range b.build.common(b.lists[id]) {
		kinds = append(kinds, "("+b.hitsOf(id, k, b.build.tokens[k], with)+")")
	}
	if kinds == nil {
		return b.texts["nobody"]
	}
	return strings.Join(kinds, " UNION ALL ")
}

// hitsOf gives those of one kind, out of a table of tokens, with some of their codes.
func (b *binder) hitsOf(id matcher.ListID, k matcher.Kind, of table, codes []string) string {
	list, cut := b.cuts[cutOf{id, k}]
	if !cut {
		list = b.lists[id].tokens[k]
	}
	with := ""
	for _, c := range codes {
		with += ", b." + c + " AS " + c
	}
	return b.fill("hit", "kind", fmt.Sprint(k), "base", b.read(of), "list", b.read(list), "codes", with)
}

// empty tells whether a table has no row on any shard.
func (t table) empty() bool {
	return !slices.ContainsFunc(t.rows, func(n uint64) bool { return n > 0 })
}
