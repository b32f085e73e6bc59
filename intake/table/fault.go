package table

import (
	"fmt"
	"strings"
	"unicode"

	"awase/entrustment"
)

// Fault refuses a file whole.
func Fault(place, detail, mend string) *entrustment.Error {
	return &entrustment.Error{Code: entrustment.CodeFile, Clause: "FORMATS §3", Field: place, Detail: detail, Mend: mend}
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
func TooLong(name string, row int64, max int) *entrustment.Error {
	return Fault(Place(name, row, ""), fmt.Sprintf("the row is over %d bytes", max),
		"look for a quote that is never closed, or for missing line breaks, and export it again")
}

// TooWide refuses a file for more than MaxColumns columns.
func TooWide(name string) *entrustment.Error {
	return Fault(name, fmt.Sprintf("the header has more than %d columns", MaxColumns), "keep the columns that are needed and export it again")
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
