package render

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"awase/enclave/wire"
)

// writeCSV writes one row a cell, then the rows of other, total and base. The
// column kind tells them apart, so that a pivot can leave the sums out; the last
// columns say in each row what the release is of. UTF-8 begins with a BOM:
// without it Excel in Japan reads Shift_JIS.
func writeCSV(w io.Writer, r *wire.Release) error {
	if _, err := io.WriteString(w, "\uFEFF"); err != nil {
		return fmt.Errorf("writing the release as CSV: %w", err)
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true // RFC 4180
	indexed := hasIndex(r)
	head := []string{"kind"}
	for _, d := range r.Dims {
		head = append(head, safeCell(d.Name))
	}
	head = append(head, "status", "users", "low", "high")
	if indexed {
		head = append(head, "index", "index_low", "index_high")
	}
	for _, name := range slices.Concat(r.Measures, r.Rates) {
		head = append(head, safeCell(name), safeCell(name+"_low"), safeCell(name+"_high"))
	}
	of := context(r)
	for _, c := range of {
		head = append(head, c.name)
	}
	rows := [][]string{head}
	add := func(kind string, key map[string]string, status string, users *wire.Number, index *wire.Ratio, a *wire.Amounts) {
		row := append(make([]string, 0, len(head)), kind)
		for _, d := range r.Dims {
			row = append(row, safeCell(key[d.Name]))
		}
		row = appendNumber(append(row, status), users)
		if indexed {
			row = appendRatio(row, index)
		}
		row = appendAmounts(row, r, a)
		for _, c := range of {
			row = append(row, safeCell(c.value))
		}
		rows = append(rows, row)
	}
	for i := range r.Cells {
		c := &r.Cells[i]
		add("cell", c.Key, string(c.Status), c.Users, c.Index, &c.Amounts)
	}
	for _, s := range sums(r) {
		add(s.kind, nil, s.status(), s.Users, nil, &s.Amounts)
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("writing the release as CSV: %w", err)
	}
	return nil
}

// constant is a column of the CSV that has one value in all rows.
type constant struct{ name, value string }

// context says what a release is of: what stands above the table elsewhere.
func context(r *wire.Release) []constant {
	var ja, en, categories, from, to, list, version string
	if q := r.Question; q != nil {
		if q.Where != nil {
			c := condition(q.Where)
			ja, en = plain(c.ja), plain(c.en)
		}
		categories = plain(strings.Join(q.Categories, ", "))
		if q.Window != nil {
			from, to = q.Window.From.String(), q.Window.To.String()
		}
	}
	if r.List != "" {
		list, version = plain(r.List), strconv.Itoa(r.ListVersion)
	}
	return []constant{
		{"report", plain(r.Report)}, {"list", list}, {"list_version", version},
		{"condition", ja}, {"condition_en", en}, {"categories", categories}, {"from", from}, {"to", to},
		{"entrustment", plain(r.Entrustment)}, {"entrustment_version", strconv.Itoa(r.Version)},
		{"released_at", plain(r.ReleasedAt)}, {"dev", strconv.FormatBool(r.Privacy.Dev)},
	}
}

// everyone labels the one cell of a table without dimensions.
var everyone = text{"全体", "everyone"}

// status gives the word of a line. A total without one is the sum of released
// rows; one that misses withheld cells says so.
func (s sum) status() string {
	switch {
	case s.Partial:
		return "partial"
	case s.Status == "":
		return string(wire.Released)
	}
	return string(s.Status)
}

func appendNumber(row []string, n *wire.Number) []string {
	if n == nil {
		return append(row, "", "", "")
	}
	for _, v := range []int64{n.Value, n.Low, n.High} {
		row = append(row, strconv.FormatInt(v, 10))
	}
	return row
}

func appendRatio(row []string, x *wire.Ratio) []string {
	if x == nil {
		return append(row, "", "", "")
	}
	for _, v := range []float64{x.Value, x.Low, x.High} {
		row = append(row, strconv.FormatFloat(v, 'f', -1, 64))
	}
	return row
}

func appendAmounts(row []string, r *wire.Release, a *wire.Amounts) []string {
	for _, name := range r.Measures {
		row = appendNumber(row, a.Sums[name])
	}
	for _, name := range r.Rates {
		row = appendRatio(row, a.Rates[name])
	}
	return row
}

func hasIndex(r *wire.Release) bool {
	if r.Question != nil && r.Question.Index {
		return true
	}
	for i := range r.Cells {
		if r.Cells[i].Index != nil {
			return true
		}
	}
	return false
}

// safeCell keeps a text from being run as a formula by whoever opens the file
// in a spreadsheet: a text that begins like one gets an apostrophe. Full-width
// signs count, as Japanese Excel reads them as their half-width forms.
func safeCell(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n > 0 && (strings.ContainsRune("=+-@＝＋－＠", r) || unicode.IsControl(r)) {
		return "'" + s
	}
	return s
}
