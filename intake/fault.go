package intake

import (
	"fmt"
	"strings"
	"unicode"

	"awase/entrustment"
)

// fault refuses a file whole.
func fault(place, detail, mend string) *entrustment.Error {
	return &entrustment.Error{Code: entrustment.CodeFile, Clause: "FORMATS §3", Field: place, Detail: detail, Mend: mend}
}

// rowPlace names a row and, if given, a column of a file.
func rowPlace(name string, row int64, col string) string {
	p := fmt.Sprintf("%s row %d", name, row)
	if col != "" {
		p += ", column " + show(col)
	}
	return p
}

func tooLong(name string, row int64, max int) *entrustment.Error {
	return fault(rowPlace(name, row, ""), fmt.Sprintf("the row is over %d bytes", max),
		"look for a quote that is never closed, or for missing line breaks, and export it again")
}

// shownName is the longest column name a message shows, in characters.
const shownName = 64

// show gives a column name fit for one line of a message.
func show(name string) string {
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
