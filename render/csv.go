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

// writeCSV writes one row a cell, then the rows of other, total and base,
// marked in the first column. UTF-8 begins with a BOM: without it Excel in
// Japan reads Shift_JIS.
func writeCSV(w io.Writer, r *wire.Release) error {
	if _, err := io.WriteString(w, "\uFEFF"); err != nil {
		return fmt.Errorf("writing the release as CSV: %w", err)
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true // RFC 4180
	indexed := hasIndex(r)
	head := make([]string, 0, len(r.Dims)+7)
	for _, d := range r.Dims {
		head = append(head, safeCell(d.Name))
	}
	if len(r.Dims) == 0 {
		head = append(head, "row")
	}
	keys := len(head)
	head = append(head, "status", "users", "low", "high")
	if indexed {
		head = append(head, "index", "index_low", "index_high")
	}
	for _, name := range slices.Concat(r.Measures, r.Rates) {
		head = append(head, safeCell(name), safeCell(name+"_low"), safeCell(name+"_high"))
	}
	rows := [][]string{head}
	for i := range r.Cells {
		c := &r.Cells[i]
		row := make([]string, keys, len(head))
		row[0] = everyone.ja
		for j, d := range r.Dims {
			row[j] = safeCell(c.Key[d.Name])
		}
		row = appendNumber(append(row, string(c.Status)), c.Users)
		if indexed {
			row = appendRatio(row, c.Index)
		}
		row = appendAmounts(row, r, &c.Amounts)
		rows = append(rows, row)
	}
	for _, s := range sums(r) {
		row := make([]string, keys, len(head))
		row[0] = s.label.ja
		row = appendNumber(append(row, string(s.status())), s.Users)
		if indexed {
			row = appendRatio(row, nil)
		}
		row = appendAmounts(row, r, &s.Amounts)
		rows = append(rows, row)
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("writing the release as CSV: %w", err)
	}
	return nil
}

// everyone labels the one cell of a table without dimensions.
var everyone = text{"全体", "everyone"}

// status gives the word of a line; a total without one is the sum of released
// rows.
func (s sum) status() wire.Status {
	if s.Status == "" {
		return wire.Released
	}
	return s.Status
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
