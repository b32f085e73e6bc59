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
	CSV     Format = "csv"      // UTF-8, for programs
	CSVBOM  Format = "csv-bom"  // UTF-8 behind a byte order mark, for Excel
	CSVSJIS Format = "csv-sjis" // Shift_JIS (CP932), for programs that read nothing else
	XLSX    Format = "xlsx"
	PDF     Format = "pdf"
	Parquet Format = "parquet"
	Arrow   Format = "arrow" // Arrow IPC file
	JSON    Format = "json"  // with the receipt that can be verified
)

// Form says what a format is: how its files end, their media type, and the words
// that people choose it by.
type Form struct {
	Format    Format `json:"format"`
	Ending    string `json:"ending"` // with its dot
	MediaType string `json:"media_type"`
	JA        string `json:"ja"`
	EN        string `json:"en"`
	write     func(io.Writer, *wire.Release) error
}

var forms = []Form{
	{XLSX, ".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel ブック", "Excel workbook", writeXLSX},
	{PDF, ".pdf", "application/pdf", "PDF（印刷用）", "PDF, for print", writePDF},
	{CSVBOM, ".csv", "text/csv; charset=utf-8", "CSV（UTF-8、BOM付き、Excel 用）", "CSV, UTF-8 with BOM, for Excel", writeCSVBOM},
	{CSV, ".csv", "text/csv; charset=utf-8", "CSV（UTF-8）", "CSV, UTF-8", writeCSV},
	{CSVSJIS, ".csv", "text/csv; charset=windows-31j", "CSV（Shift_JIS）", "CSV, Shift_JIS", writeSJIS},
	{Parquet, ".parquet", "application/vnd.apache.parquet", "Parquet", "Parquet", writeParquet},
	{Arrow, ".arrow", "application/vnd.apache.arrow.file", "Arrow（IPC ファイル）", "Arrow IPC file", writeArrow},
	{JSON, ".json", "application/json", "JSON（受領証の検証用）", "JSON, to verify the receipt", writeJSON},
}

// Formats gives every format, in the order to offer them in.
func Formats() []Form { return slices.Clone(forms) }

// Lookup gives what a format is; ok is false where there is none of that name.
func Lookup(f Format) (form Form, ok bool) {
	i := slices.IndexFunc(forms, func(form Form) bool { return form.Format == f })
	if i < 0 {
		return Form{}, false
	}
	return forms[i], true
}

// MediaType gives the media type of a format's files; that of bytes for a format
// there is not.
func MediaType(f Format) string {
	if form, ok := Lookup(f); ok {
		return form.MediaType
	}
	return "application/octet-stream"
}

// ParseFormat gives the format that a file's name asks for by its ending, in any
// case. A .csv is one that Excel opens: CSVBOM.
func ParseFormat(fileName string) (Format, error) {
	ending := strings.ToLower(filepath.Ext(fileName))
	for _, form := range forms {
		if form.Ending == ending {
			return form.Format, nil
		}
	}
	return "", &entrustment.Error{
		Code:   entrustment.CodeSpec,
		Field:  "out",
		Detail: "the ending of the file's name says no known format",
		Mend:   "end it in .xlsx, .pdf, .csv, .parquet, .arrow or .json",
	}
}

// Write writes r to w. The same release gives the same bytes. A release that
// contradicts itself is refused before the first byte.
func Write(w io.Writer, format Format, r *wire.Release) error {
	if err := check(r); err != nil {
		return err
	}
	form, ok := Lookup(format)
	if !ok {
		return fmt.Errorf("render: no format %q", format)
	}
	return form.write(w, r)
}

// check refuses a release that isn't whole: a withheld cell that holds a
// number, a released one without, a key that isn't of the declared table. The
// gate never makes one; render is the last place that could show it.
func check(r *wire.Release) error {
	if r == nil {
		return fmt.Errorf("render: no release")
	}
	domains := make([]map[string]bool, len(r.Dims))
	for i, d := range r.Dims {
		domains[i] = make(map[string]bool, len(d.Domain))
		for _, v := range d.Domain {
			domains[i][v] = true
		}
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
		for j, d := range r.Dims {
			if v, ok := c.Key[d.Name]; !ok || !domains[j][v] {
				return fmt.Errorf("render: cell %d has no declared value of %s", i, d.Name)
			}
		}
	}
	if err := checkLift(r.Lift); err != nil {
		return err
	}
	for kind, s := range map[string]*wire.Sum{"other": r.Other, "total": r.Total, "base": r.Base} {
		// A total has no status of its own where it is the sum of its rows.
		if s == nil || s.Status == wire.None {
			continue
		}
		if shown := s.Status == wire.Released || s.Status == ""; shown != (s.Users != nil) {
			return fmt.Errorf("render: %s has a status that contradicts its number", kind)
		}
		if s.Status == wire.Withheld && len(s.Sums)+len(s.Rates) > 0 {
			return fmt.Errorf("render: %s is withheld and holds a number", kind)
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
