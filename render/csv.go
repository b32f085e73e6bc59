package render

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"awase/enclave/wire"
)

// writeCSV writes the flat table as RFC 4180 has it, in UTF-8.
func writeCSV(w io.Writer, r *wire.Release) error {
	t, err := flatten(r)
	if err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	row := make([]string, len(t.columns))
	for i, c := range t.columns {
		row[i] = safeCell(c.name)
	}
	err = out.Write(row)
	for n := 0; err == nil && n < t.rows; n++ {
		for i, c := range t.columns {
			if row[i] = c.string(n); c.as == asText {
				row[i] = safeCell(row[i])
			}
		}
		err = out.Write(row)
	}
	if out.Flush(); err == nil {
		err = out.Error()
	}
	if err != nil {
		return fmt.Errorf("writing the release as CSV: %w", err)
	}
	return nil
}

// writeCSVBOM is writeCSV behind a byte order mark: without it Excel in Japan
// reads Shift_JIS.
func writeCSVBOM(w io.Writer, r *wire.Release) error {
	if _, err := io.WriteString(w, "\uFEFF"); err != nil {
		return fmt.Errorf("writing the release as CSV: %w", err)
	}
	return writeCSV(w, r)
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
