package intake

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"awase/crypto/identifier"
	"awase/entrustment"
	"awase/intake/table"
)

// Row faults besides those of crypto/identifier.
const (
	reasonExtraColumns = "row_extra_columns"
	reasonNUL          = "nul_byte"
	reasonEncoding     = "bad_encoding"
	reasonMixed        = "mixed_encoding"
	reasonHeader       = "header_repeated"
	reasonSerial       = "date_serial"
	reasonUnknown      = "value_unknown"
	reasonNoFlag       = "flag_unclear"
	reasonNoIdentifier = "no_identifier"
	reasonNoUserKey    = "no_user_key"
	reasonLongUserKey  = "user_key_too_long"
	reasonConsentDay   = "consent_day_unreadable"
	reasonRepeatedKey  = "user_key_repeated"
)

var mends = map[string]string{
	reasonExtraColumns: "the row has more cells than the header; put quotes around a cell that holds the delimiter",
	reasonNUL:          "delete the NUL bytes, or export the table again as CSV UTF-8",
	reasonEncoding:     "the cell holds bytes that are no text; save the file as CSV UTF-8",
	reasonMixed:        "the row is in another encoding than the file's other rows; save each part as CSV UTF-8 before joining them",
	reasonHeader:       "the header stands here again, as in files put one after the other; delete the row",
	reasonSerial:       "the spreadsheet turned the date into a number; format the column as yyyy-mm-dd and export again",
	reasonUnknown:      "the value is none that the schema names or reads, and counts as unknown; mend the cell, or name its value in the schema",
	reasonNoFlag:       "the cell is neither yes nor no, and counts as the answer that allows less; write true or false",
	reasonNoIdentifier: "give the person an email address, phone number, cookie or advertising id, or delete the row",
	reasonNoUserKey:    "give the row the key of the column that user_key names, or delete the row",
	reasonConsentDay:   "write the day of consent like 2026-11-23, from 2000 to today; one that can't be read counts as none, and lifts no request of the user",
	reasonLongUserKey:  fmt.Sprintf("a user key has at most %d bytes", maxUserKey),
}

// maxProblems is how many problems a report lists; it counts all. Of what leaves
// a row in it lists fewer: a column that is written otherwise than the schema says
// must not keep the refused rows off the list.
const (
	maxProblems = 100_000
	maxUnclear  = maxProblems / 2
)

// Report says what was found in a file: counts, and a list of what is wrong,
// by place, never by value. It is whole when the rows have been read to their
// end.
type Report struct {
	File      string   `json:"file"`
	Packing   string   `json:"packing,omitempty"`   // "gzip", "zstd" or "zip"
	Format    string   `json:"format"`              // "CSV", "TSV", "TXT", "Parquet" or "Excel"
	Encoding  string   `json:"encoding"`            // of the text; Parquet: of the pages
	Delimiter string   `json:"delimiter,omitempty"` // of the text: "comma", "tab" or "semicolon"
	Notices   []string `json:"notices,omitempty"`   // what was left aside, such as other sheets

	Rows       int64 `json:"rows"`       // read, blank lines apart; = Accepted + Rejected + NoConsent
	Accepted   int64 `json:"accepted"`   // given on
	Repaired   int64 `json:"repaired"`   // accepted rows in which an identifier was mended
	Rejected   int64 `json:"rejected"`   // rows refused
	NoConsent  int64 `json:"no_consent"` // list: rows left out by its consent column
	Duplicates int64 `json:"duplicates"` // list: accepted rows equal to another one; -1: too many rows to tell

	Repairs map[string]int64 `json:"repairs"` // identifiers mended, by what was done
	// Faults counts what is wrong by identifier kind ("" for the row as a
	// whole) and reason. A row may have several. In a base a bad identifier is
	// left out and its row accepted; so is a row with a value that counts as unknown.
	Faults  map[Fault]int64 `json:"faults"`
	Columns []ColumnReport  `json:"columns"`
	Dropped []string        `json:"dropped"` // columns not read

	Problems int64 `json:"problems"` // all, also those not listed
	listed   []Problem
	unclear  int // of those listed, the ones that left their row in
}

// Fault is a kind of fault: the identifier kind and the reason code.
type Fault struct {
	Kind   string // "email", "phone", "cookie", "maid", or "" for the row
	Reason string
}

// MarshalText gives "kind reason", or "row reason", as a key of JSON.
func (f Fault) MarshalText() ([]byte, error) {
	if f.Kind == "" {
		f.Kind = "row"
	}
	return []byte(f.Kind + " " + f.Reason), nil
}

// ColumnReport counts the cells of one column that was read.
type ColumnReport struct {
	Column     string `json:"column"`
	Use        string `json:"use"`        // what the column is: "email", "attribute age_band", "user key", …
	Filled     int64  `json:"filled"`     // not empty
	Hashed     int64  `json:"hashed"`     // identifiers that came hashed
	Repaired   int64  `json:"repaired"`   // identifiers mended
	Refused    int64  `json:"refused"`    // cells that can't be what the column is; in a list they refuse their row
	Unreadable int64  `json:"unreadable"` // values outside the domain: unknown; flags that are neither yes nor no
}

// Problem is one thing that is wrong. Row is the line on which the row starts
// (the header is line 1), in Parquet the row counted from 1.
type Problem struct {
	Row    int64
	Column string // "" for the row as a whole
	Reason string
	Mend   string
}

// ProblemList gives the problems listed, in file order: the first 100,000, of
// which at most half are values that count as unknown and unclear flags.
func (r *Report) ProblemList() []Problem { return r.listed }

// WriteProblems writes the list as CSV with a header, UTF-8 with a byte order
// mark, as spreadsheets want it. No cell can be taken for a formula.
func (r *Report) WriteProblems(w io.Writer) error {
	if _, err := io.WriteString(w, "\uFEFF"); err != nil {
		return fmt.Errorf("write problems: %w", err)
	}
	out := csv.NewWriter(w)
	rows := [][]string{{"row", "column", "reason", "mend"}}
	for _, p := range r.listed {
		rows = append(rows, []string{strconv.FormatInt(p.Row, 10), harmless(show(p.Column)), harmless(p.Reason), harmless(p.Mend)})
	}
	if more := r.Problems - int64(len(r.listed)); more > 0 {
		rows = append(rows, []string{"", "", "more", "not listed: " + entrustment.Count(more, "more problem", "more problems")})
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("write problems: %w", err)
	}
	return nil
}

// describe takes the form of the file.
func (r *Report) describe(f table.Form) {
	r.Format, r.Encoding, r.Delimiter, r.Notices = f.Format, f.Encoding, f.Delimiter, f.Notices
}

// harmless puts an apostrophe before what a spreadsheet would calculate.
func harmless(cell string) string {
	if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\n") || strings.HasPrefix(cell, "＝") || strings.HasPrefix(cell, "＋") {
		return "'" + cell
	}
	return cell
}

// merge adds a batch's tally.
func (r *Report) merge(t *tally) {
	r.Rows += t.rows
	r.Accepted += t.accepted
	r.Repaired += t.repaired
	r.Rejected += t.rejected
	r.NoConsent += t.noConsent
	for bits, n := range t.repairs {
		for _, name := range bits.Names() {
			r.Repairs[name] += n
		}
		if bits&repairNumber != 0 {
			r.Repairs["number_format"] += n
		}
	}
	for i, c := range t.columns {
		r.Columns[i].Filled += c.Filled
		r.Columns[i].Hashed += c.Hashed
		r.Columns[i].Repaired += c.Repaired
		r.Columns[i].Refused += c.Refused
		r.Columns[i].Unreadable += c.Unreadable
	}
	for f, n := range t.faults {
		r.Faults[f] += n
		r.Problems += n
	}
	for _, p := range t.problems {
		if p.Reason == reasonUnknown || p.Reason == reasonNoFlag {
			if r.unclear == maxUnclear {
				continue
			}
			r.unclear++
		}
		if len(r.listed) == maxProblems {
			break
		}
		r.listed = append(r.listed, p)
	}
}

// FaultList gives the kinds of fault found, the commonest first.
func (r *Report) FaultList() []Fault {
	return slices.SortedFunc(maps.Keys(r.Faults), func(a, b Fault) int {
		if d := r.Faults[b] - r.Faults[a]; d != 0 {
			return int(max(-1, min(1, d)))
		}
		return strings.Compare(a.Kind+" "+a.Reason, b.Kind+" "+b.Reason)
	})
}

// tally counts what a worker finds in one chunk.
type tally struct {
	rows, accepted, repaired, rejected, noConsent int64

	repairs  map[identifier.Repair]int64
	faults   map[Fault]int64
	columns  []ColumnReport
	problems []Problem
}

func newTally(columns int) *tally {
	return &tally{repairs: map[identifier.Repair]int64{}, faults: map[Fault]int64{}, columns: make([]ColumnReport, columns)}
}

// fault notes what is wrong; the mend is looked up where none is given.
func (t *tally) fault(row int64, column, kind, reason, mend string) {
	if mend == "" {
		mend = mends[reason]
	}
	t.faults[Fault{kind, reason}]++
	t.problems = append(t.problems, Problem{row, column, reason, mend})
}
