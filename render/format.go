package render

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"awase/enclave/wire"
	"awase/entrustment"
)

// Format is a file form of a release.
type Format string

// The formats.
const (
	CSV  Format = "csv"
	JSON Format = "json"
	XLSX Format = "xlsx"
)

// ParseFormat gives the format that a file's name asks for by its ending, in
// any case: .csv, .json or .xlsx.
func ParseFormat(fileName string) (Format, error) {
	switch f := Format(strings.ToLower(strings.TrimPrefix(filepath.Ext(fileName), "."))); f {
	case CSV, JSON, XLSX:
		return f, nil
	}
	return "", &entrustment.Error{
		Code:   entrustment.CodeSpec,
		Field:  "out",
		Detail: "the ending of the file's name says no known format",
		Mend:   "end it in .csv, .json or .xlsx",
	}
}

// Write writes r to w. The same release gives the same bytes.
func Write(w io.Writer, format Format, r *wire.Release) error {
	if err := check(r); err != nil {
		return err
	}
	switch format {
	case CSV:
		return writeCSV(w, r)
	case JSON:
		return writeJSON(w, r)
	case XLSX:
		return writeXLSX(w, r)
	}
	return fmt.Errorf("render: no format %q", format)
}

// check refuses a release that isn't whole: a withheld cell that holds a
// number, a released one without, a key that isn't of the declared table. The
// gate never makes one; render is the last place that could show it.
func check(r *wire.Release) error {
	if r == nil {
		return fmt.Errorf("render: no release")
	}
	for i := range r.Cells {
		c := &r.Cells[i]
		switch {
		case c.Status == wire.Released && c.Users == nil:
			return fmt.Errorf("render: cell %d is released without a number", i)
		case c.Status == wire.Withheld && (c.Users != nil || c.Index != nil || len(c.Sums) > 0 || len(c.Rates) > 0):
			return fmt.Errorf("render: cell %d is withheld and holds a number", i)
		case c.Status != wire.Released && c.Status != wire.Withheld:
			return fmt.Errorf("render: cell %d has no known status", i)
		case len(c.Key) != len(r.Dims):
			return fmt.Errorf("render: cell %d has %d of %d dimensions", i, len(c.Key), len(r.Dims))
		}
		for _, d := range r.Dims {
			v, ok := c.Key[d.Name]
			if !ok || !slices.Contains(d.Domain, v) {
				return fmt.Errorf("render: cell %d has no declared value of %s", i, d.Name)
			}
		}
	}
	for kind, s := range map[string]*wire.Sum{"other": r.Other, "total": r.Total, "base": r.Base} {
		// A total has no status of its own where it is the sum of its rows.
		if s == nil || s.Status == wire.None {
			continue
		}
		if shown := s.Status == wire.Released || s.Status == ""; shown != (s.Users != nil) {
			return fmt.Errorf("render: %s has a status that contradicts its number", kind)
		}
	}
	return nil
}

// writeJSON writes the release as DESIGN §8 has it. The receipt keeps its
// order of members and its forms of numbers; only white space is laid out.
func writeJSON(w io.Writer, r *wire.Release) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // "<20" is an age band, and no browser parses this
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("writing the release as JSON: %w", err)
	}
	return nil
}

// sum is one of the lines below a table.
type sum struct {
	kind  string // as the CSV names it
	label text
	*wire.Sum
}

// sums gives the lines below the table, in their order: other, total, base. The
// total of a table of one cell is that cell, unless it was charged by itself.
func sums(r *wire.Release) []sum {
	var out []sum
	total := r.Total
	if len(r.Dims) == 0 && (r.Question == nil || !r.Question.Total) {
		total = nil
	}
	for _, s := range []sum{
		{"other", text{"その他（非表示区分の合計）", "other (sum of withheld cells)"}, r.Other},
		{"total", text{"合計", "total"}, total},
		{"base", text{"会員全体（指数の分母）", "all users (base of the index)"}, r.Base},
	} {
		if s.Sum == nil || s.Status == wire.None {
			continue
		}
		if s.Partial {
			s.label = text{"表示分の合計（非表示区分を含まず）", "sum of what is shown (withheld cells are missing)"}
		}
		out = append(out, s)
	}
	return out
}
