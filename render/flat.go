package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
)

// flat is a release as one table of typed columns, a row a cell: what CSV,
// Parquet and Arrow write. The rows of other, total and base follow the cells;
// the column kind tells them apart, so that a sum over the cells leaves them
// out. What a withheld row has no number of is null.
type flat struct {
	rows    int
	columns []*column
	meta    []constant // what the release says of the table as a whole
}

// columnType is what the values of a column are.
type columnType uint8

const (
	asText   columnType = iota // of few distinct values
	asInt                      // int64
	asFloat                    // float64
	asBool                     // true or false
	asDay                      // days since 1970-01-01
	asMoment                   // microseconds since 1970-01-01 UTC
)

// column is one column of a flat table. Its values are in the slice of its type;
// has says in which rows there is one.
type column struct {
	name   string
	as     columnType
	has    []bool
	texts  []string
	ints   []int64 // also days and moments
	floats []float64
	bools  []bool
}

func (c *column) null() {
	c.has = append(c.has, false)
	switch c.as {
	case asText:
		c.texts = append(c.texts, "")
	case asFloat:
		c.floats = append(c.floats, 0)
	case asBool:
		c.bools = append(c.bools, false)
	default:
		c.ints = append(c.ints, 0)
	}
}

func (c *column) text(s string)   { c.has, c.texts = append(c.has, true), append(c.texts, s) }
func (c *column) int(v int64)     { c.has, c.ints = append(c.has, true), append(c.ints, v) }
func (c *column) float(v float64) { c.has, c.floats = append(c.has, true), append(c.floats, v) }
func (c *column) bool(v bool)     { c.has, c.bools = append(c.has, true), append(c.bools, v) }

// string gives a value as CSV has it; "" for null.
func (c *column) string(row int) string {
	if !c.has[row] {
		return ""
	}
	switch c.as {
	case asText:
		return c.texts[row]
	case asFloat:
		return strconv.FormatFloat(c.floats[row], 'f', -1, 64)
	case asBool:
		return strconv.FormatBool(c.bools[row])
	case asDay:
		return time.Unix(c.ints[row]*86_400, 0).UTC().Format(time.DateOnly)
	case asMoment:
		return time.UnixMicro(c.ints[row]).UTC().Format(time.RFC3339Nano)
	}
	return strconv.FormatInt(c.ints[row], 10)
}

// fixed are the names of columns that no dimension takes.
var fixed = []string{
	"kind", "status", "users", "low", "high", "index", "index_low", "index_high",
	"report", "list", "list_version", "condition", "condition_en", "categories", "from", "to",
	"entrustment", "entrustment_version", "released_at", "dev", "practice",
	"campaign", "share", "share_low", "share_high", "difference", "difference_low", "difference_high", "relative", "relative_low", "relative_high", "p",
}

// flatten makes the flat table of a release.
func flatten(r *wire.Release) (*flat, error) {
	t := &flat{}
	taken := map[string]bool{}
	for _, name := range slices.Concat(fixed, triples(r.Measures), triples(r.Rates)) {
		taken[name] = true
	}
	add := func(as columnType, names ...string) []*column {
		var out []*column
		for _, name := range names {
			out = append(out, &column{name: name, as: as})
		}
		t.columns = append(t.columns, out...)
		return out
	}
	kind := add(asText, "kind")[0]
	dims := make([]*column, len(r.Dims))
	for i, d := range r.Dims {
		name := plain(d.Name)
		for taken[name] { // a reader of Parquet takes one column of a name
			name = "dim_" + name
		}
		taken[name] = true
		dims[i] = add(asText, name)[0]
	}
	status := add(asText, "status")[0]
	users := add(asInt, "users", "low", "high")
	var index []*column
	if hasIndex(r) {
		index = add(asFloat, "index", "index_low", "index_high")
	}
	var measures []*column
	for _, name := range r.Measures {
		as := asInt
		if inThousandths(name) {
			as = asFloat
		}
		measures = append(measures, add(as, triples([]string{name})...)...)
	}
	rates := add(asFloat, triples(r.Rates)...)
	var lift []*column // shares of the rows of the table; then, in a row of its own, what follows
	if r.Lift != nil {
		lift = add(asFloat, slices.Concat(triples([]string{"share", "difference", "relative"}), []string{"p"})...)
	}
	row := func(is string, key map[string]string, st string, n *wire.Number, x *wire.Ratio, a *wire.Amounts) {
		t.rows++
		kind.text(is)
		for i, d := range r.Dims {
			if v, ok := key[d.Name]; ok {
				dims[i].text(v)
			} else {
				dims[i].null()
			}
		}
		status.text(st)
		number3(users, n)
		if index != nil {
			ratio3(index, x)
		}
		for i, name := range r.Measures {
			number3(measures[3*i:], a.Sums[name])
		}
		for i, name := range r.Rates {
			ratio3(rates[3*i:], a.Rates[name])
		}
		if lift != nil {
			liftRow(lift, is, key, r.Lift)
		}
	}
	for i := range r.Cells {
		c := &r.Cells[i]
		row("cell", c.Key, string(c.Status), c.Users, c.Index, &c.Amounts)
	}
	for _, s := range sums(r) {
		row(s.kind, nil, s.status(), s.Users, nil, &s.Amounts)
	}
	if r.Lift != nil {
		row(liftKind, nil, string(r.Lift.Status), nil, nil, &wire.Amounts{})
	}
	t.context(r)
	return t, t.describe(r)
}

// liftKind is the kind of the row of what a lift report says.
const liftKind = "lift"

// liftRow writes of a lift report's columns what a row has: of the treated and of those
// held out the share that converted, of the row of its own the rest.
func liftRow(to []*column, is string, key map[string]string, l *wire.Lift) {
	var share, difference, relative *wire.Ratio
	var p *float64
	switch {
	case key["assignment"] == "treated":
		share = l.Treated
	case key["assignment"] == "holdout":
		share = l.Holdout
	case is == liftKind:
		difference, relative, p = l.Difference, l.Relative, l.P
	}
	ratio3(to, share)
	ratio3(to[3:], difference)
	ratio3(to[6:], relative)
	if p == nil {
		to[9].null()
	} else {
		to[9].float(*p)
	}
}

// triples names the columns of a measure or rate: its value and both ends of its
// interval.
func triples(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, n, n+"_low", n+"_high")
	}
	return out
}

func number3(to []*column, n *wire.Number) {
	if n == nil {
		for _, c := range to[:3] {
			c.null()
		}
		return
	}
	for i, v := range []int64{n.Value, n.Low, n.High} {
		if to[i].as == asFloat { // in thousandths
			to[i].float(float64(v) / 1000)
		} else {
			to[i].int(v)
		}
	}
}

func ratio3(to []*column, x *wire.Ratio) {
	if x == nil {
		for _, c := range to[:3] {
			c.null()
		}
		return
	}
	to[0].float(x.Value)
	to[1].float(x.Low)
	to[2].float(x.High)
}

// context adds the columns that say in each row what the release is of: what
// stands above the table elsewhere, so that files can be laid together.
func (t *flat) context(r *wire.Release) {
	add := func(name string, as columnType, put func(*column)) {
		c := &column{name: name, as: as}
		for range t.rows {
			put(c)
		}
		t.columns = append(t.columns, c)
	}
	word := func(name, value string) {
		add(name, asText, func(c *column) {
			if value == "" {
				c.null()
			} else {
				c.text(value)
			}
		})
	}
	day := func(name string, d *entrustment.Date) {
		add(name, asDay, func(c *column) {
			if d == nil {
				c.null()
			} else {
				c.int(time.Date(d.Year, time.Month(d.Month), d.Day, 0, 0, 0, 0, time.UTC).Unix() / 86_400)
			}
		})
	}
	var ja, en, categories string
	var from, to *entrustment.Date
	if q := r.Question; q != nil {
		if w := audience(r); w != nil {
			c := condition(w)
			ja, en = plain(c.ja), plain(c.en)
		}
		categories = plain(strings.Join(q.Categories, ", "))
		if q.Window != nil {
			from, to = &q.Window.From, &q.Window.To
		}
	}
	word("report", plain(r.Report))
	if r.Campaign != nil {
		word("campaign", plain(r.Campaign.ID))
	}
	word("list", plain(r.List))
	add("list_version", asInt, func(c *column) {
		if r.List == "" {
			c.null()
		} else {
			c.int(int64(r.ListVersion))
		}
	})
	word("condition", ja)
	word("condition_en", en)
	word("categories", categories)
	day("from", from)
	day("to", to)
	word("entrustment", plain(r.Entrustment))
	add("entrustment_version", asInt, func(c *column) { c.int(int64(r.Version)) })
	at, err := time.Parse(time.RFC3339, r.ReleasedAt)
	add("released_at", asMoment, func(c *column) {
		if err != nil {
			c.null()
		} else {
			c.int(at.UnixMicro())
		}
	})
	add("dev", asBool, func(c *column) { c.bool(r.Privacy.Dev) })
	add("practice", asBool, func(c *column) { c.bool(r.Privacy.Practice) })
}

// audience gives the condition under which people are counted, the campaign's and the
// question's own; nil: none.
func audience(r *wire.Release) *entrustment.Condition {
	own := r.Question.Where
	switch {
	case r.Campaign == nil || r.Campaign.Where == nil:
		return own
	case own == nil:
		return r.Campaign.Where
	}
	return &entrustment.Condition{All: []entrustment.Condition{*r.Campaign.Where, *own}}
}

// constant is one thing said of a table as a whole.
type constant struct{ name, value string }

// describe makes the metadata of a file: question, privacy and receipt as JSON,
// each on one line, as the receipt was signed.
func (t *flat) describe(r *wire.Release) error {
	privacy, err := marshal(&r.Privacy)
	if err != nil {
		return fmt.Errorf("writing the parameters of privacy: %w", err)
	}
	q, err := asked(r.Question)
	if err != nil {
		return err
	}
	var receipt bytes.Buffer
	if len(r.Receipt) > 0 && string(r.Receipt) != "null" {
		if err := json.Compact(&receipt, r.Receipt); err != nil {
			return fmt.Errorf("reading the receipt: %w", err)
		}
	}
	text := title(r)
	t.meta = []constant{
		{"awase.schema", r.Schema}, {"awase.title", text.ja}, {"awase.title_en", text.en},
		{"awase.question", q}, {"awase.privacy", privacy}, {"awase.receipt", receipt.String()},
	}
	if r.Privacy.Practice {
		t.meta = append(t.meta, constant{"awase.practice", practiceNote.ja + " " + practiceNote.en})
	}
	t.meta = slices.DeleteFunc(t.meta, func(c constant) bool { return c.value == "" })
	return nil
}

// marshal gives v as JSON on one line, with < and > as they are.
func marshal(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSpace(b.String()), err
}
