package table

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"awase/entrustment"
)

// Sort is what a file that is refused whole suffers from: for a program that says it
// in words of its own. The page has a sentence for each (web/src/words).
type Sort string

// The sorts.
const (
	SortNoRows       Sort = "no_rows"
	SortNoHeader     Sort = "no_header"
	SortNoIdentifier Sort = "no_identifier" // no column to match by
	SortHashKind     Sort = "hash_kind"     // bare hashes, which don't show of what
	SortLocked       Sort = "locked"        // with a password, or an old workbook, which may be
	SortOpenQuote    Sort = "open_quote"    // that is never closed
	SortLongRow      Sort = "long_row"      // or too many columns
	SortTooLarge     Sort = "too_large"     // for how it is written or packed
	SortEncoding     Sort = "encoding"
	SortArchive      Sort = "archive" // packed as it is not taken apart
	SortHidden       Sort = "hidden"  // sheets
	SortRepeated     Sort = "repeated"
	SortDirect       Sort = "direct" // a name, an address, a postcode that would be used
	SortUnnamed      Sort = "unnamed"
	SortColumns      Sort = "columns" // not those that are declared
	SortDamaged      Sort = "damaged"
	SortFormat       Sort = "format" // that is not read
	SortOther        Sort = "other"
)

// refused is a refusal and its sort.
type refused struct {
	sort Sort
	why  *entrustment.Error
}

func (r *refused) Error() string { return r.why.Error() }
func (r *refused) Unwrap() error { return r.why }

// Fault refuses a file whole: an *entrustment.Error of a sort.
func Fault(sort Sort, place, detail, mend string) error {
	return &refused{sort, &entrustment.Error{Code: entrustment.CodeFile, Clause: "FORMATS §3", Field: place, Detail: detail, Mend: mend}}
}

// OfSort gives a refusal, of a document that says what a file is, a sort of a file's.
func OfSort(sort Sort, why *entrustment.Error) error { return &refused{sort, why} }

// SortOf gives the sort of a refusal; "" of any other error.
func SortOf(err error) Sort {
	if r, ok := errors.AsType[*refused](err); ok {
		return r.sort
	}
	return ""
}

// Place names a row and, if given, a column of a file.
func Place(name string, row int64, col string) string {
	p := fmt.Sprintf("%s row %d", name, row)
	if col != "" {
		p += ", column " + Show(col)
	}
	return p
}

// TooLong refuses a file for a row over max bytes.
func TooLong(name string, row int64, max int) error {
	return Fault(SortLongRow, Place(name, row, ""), fmt.Sprintf("the row is over %d bytes", max),
		"look for a quote that is never closed, or for missing line breaks, and export it again")
}

// TooWide refuses a file for more than MaxColumns columns.
func TooWide(name string) error {
	return Fault(SortLongRow, name, fmt.Sprintf("the header has more than %d columns", MaxColumns), "keep the columns that are needed and export it again")
}

// shownName is the longest column name a message shows, in characters.
const shownName = 64

// Show gives a name fit for one line of a message.
func Show(name string) string {
	name = strings.ToValidUTF8(name, "?")
	var b strings.Builder
	n := 0
	for _, r := range name {
		if n == shownName {
			b.WriteString("…")
			break
		}
		if !unicode.IsPrint(r) {
			r = ' '
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}
