package sheet

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"

	"awase/intake/table"
)

// layout is what a sheet's XML holds, found without parsing it.
type layout struct {
	rows int // row elements with a cell
	last int // number of the last row
	bare int // formulas without a stored result
}

var (
	errCut  = errors.New("sheet cut short")
	errWide = errors.New("row of too many cells")
)

// maxCellTags is how many elements a cell may have: runs of rich text.
const maxCellTags = 1 << 14

// look goes through the tags of a sheet: that its rows are all there, and no
// row or cell is larger than a sheet has. Names may have a prefix.
func look(content []byte) (l layout, err error) {
	inside, cells, tags, formula := false, 0, 0, false
	lastRow := 0
	for at := 0; ; {
		i := bytes.IndexByte(content[at:], '<')
		if i < 0 {
			if !inside && l.rows == 0 && l.last == 0 {
				return l, nil // no sheetData: a chart, or nothing
			}
			return l, errCut
		}
		at += i + 1
		end := bytes.IndexByte(content[at:], '>')
		if end < 0 {
			return l, errCut
		}
		tag := content[at : at+end]
		start := at - 1
		at += end + 1
		closing := len(tag) > 0 && tag[0] == '/'
		name := localName(tag)
		switch {
		case name == "sheetData" && !closing:
			inside = true
			if tag[len(tag)-1] == '/' {
				return l, nil
			}
		case name == "sheetData":
			return l, wellFormed(content[lastRow:start])
		case !inside:
		case name == "row" && !closing:
			lastRow, cells = start, 0
			l.last++
			if n, ok := attribute(tag, "r"); ok {
				if n < l.last || n > 1<<20 {
					return l, errCut
				}
				l.last = n
			}
		case name == "c" && !closing:
			if cells == 0 {
				l.rows++
			}
			cells, tags, formula = cells+1, 0, false
			if cells > table.MaxColumns {
				return l, errWide
			}
		case name == "f" && !closing:
			formula = true
		case name == "v" && !closing:
			formula = false
		case name == "c" && formula:
			l.bare++
			formula = false
		}
		if tags++; tags > maxCellTags && inside && cells > 0 {
			return l, errWide
		}
	}
}

// localName gives a tag's name without slash, prefix and attributes.
func localName(tag []byte) string {
	tag = bytes.TrimPrefix(tag, []byte("/"))
	n := bytes.IndexAny(tag, " \t\r\n/")
	if n >= 0 {
		tag = tag[:n]
	}
	if colon := bytes.IndexByte(tag, ':'); colon >= 0 {
		tag = tag[colon+1:]
	}
	switch string(tag) { // no allocation
	case "row":
		return "row"
	case "c":
		return "c"
	case "v":
		return "v"
	case "f":
		return "f"
	case "sheetData":
		return "sheetData"
	}
	return ""
}

// attribute reads a whole number.
func attribute(tag []byte, name string) (int, bool) {
	i := bytes.Index(tag, []byte(" "+name+"="))
	if i < 0 {
		return 0, false
	}
	rest := tag[i+len(name)+2:]
	if len(rest) < 2 {
		return 0, false
	}
	end := bytes.IndexByte(rest[1:], rest[0])
	if end < 0 {
		return 0, false
	}
	n, err := strconv.Atoi(string(rest[1 : 1+end]))
	return n, err == nil
}

// wellFormed parses the last row: damage before it shows in its number, for
// the library stops at the first fault without a word.
func wellFormed(row []byte) error {
	d := xml.NewDecoder(bytes.NewReader(row))
	d.Strict = true
	for {
		if _, err := d.RawToken(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return errCut
		}
	}
}
