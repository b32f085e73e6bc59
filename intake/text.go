package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"awase/entrustment"
	"awase/intake/table"
)

// sniffBytes is how much of the file's head decides its delimiter.
const sniffBytes = 64 << 10

// textSource reads delimited text.
type textSource struct {
	name     string
	max      int
	raw      *countingReader
	dec      *decoder
	scan     *scanner
	header   []string
	picked   []int
	held     bool // the current record is the first row
	headless bool // there is no header
}

// foreign are the first bytes of files that are neither text nor Parquet. A '?'
// stands for any byte; where the rest could begin a text, there is a NUL too in
// the head of such a file.
var foreign = []struct {
	magic      string
	nul        bool
	sort       table.Sort
	what, mend string
}{
	{"\xD0\xCF\x11\xE0", false, table.SortLocked, "an old Office file (.xls, .doc, .ppt), or a workbook with a password", "save the sheet as CSV UTF-8, or as an .xlsx without a password"},
	{"PAR1", false, table.SortFormat, "Parquet, which is not read here", mendExport},
	{"PARE", false, table.SortFormat, "encrypted Parquet, which is not read", "export it without encryption"},
	{"BZh?1AY&SY", false, table.SortArchive, "a bzip2 file", mendGzip},
	{"BZh?\x17\x72\x45\x38\x50\x90", false, table.SortArchive, "a bzip2 file", mendGzip}, // of nothing
	{"\xFD7zXZ\x00", false, table.SortArchive, "an xz file", mendGzip},
	{"7z\xBC\xAF'\x1C", false, table.SortArchive, "a 7-Zip archive", mendZIP},
	{"Rar!\x1A\x07", false, table.SortArchive, "a RAR archive", mendZIP},
	{"%PDF-", false, table.SortFormat, "a PDF", mendExport},
	{"\x89PNG\r\n\x1A\n", false, table.SortFormat, "an image (PNG)", mendExport},
	{"\xFF\xD8\xFF", false, table.SortFormat, "an image (JPEG)", mendExport},
	{"GIF8?a", true, table.SortFormat, "an image (GIF)", mendExport},
	{"RIFF????WEBPVP8", true, table.SortFormat, "an image (WebP)", mendExport},
	{"BM????\x00\x00\x00\x00", false, table.SortFormat, "an image (BMP)", mendExport},
	{"II*\x00", false, table.SortFormat, "an image (TIFF)", mendExport},
	{"MM\x00*", false, table.SortFormat, "an image (TIFF)", mendExport},
	{"\x00\x00\x00?ftyp", false, table.SortFormat, "an image or a video (HEIC, AVIF, MP4)", mendExport},
	{"SQLite format 3\x00", false, table.SortFormat, "an SQLite database", mendExport},
	{"\x7FELF", true, table.SortFormat, "a program (ELF)", mendExport},
	{"MZ", true, table.SortFormat, "a program (Windows)", mendExport},
	{"\xCF\xFA\xED\xFE", false, table.SortFormat, "a program (macOS)", mendExport},
}

const (
	mendExport = "export the table as CSV UTF-8"
	mendGzip   = "unpack it, or pack it with gzip"
	mendZIP    = "unpack it, or pack it as ZIP"
)

// isForeign tells whether head begins as magic says.
func isForeign(head []byte, magic string, nul bool) bool {
	if len(head) < len(magic) || nul && bytes.IndexByte(head, 0) < 0 {
		return false
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != head[i] {
			return false
		}
	}
	return true
}

// openText reads the header line of a text that begins with head. raw counts
// the bytes read of the file, which may be packed.
func openText(src io.Reader, raw *countingReader, o Options, head []byte) (*textSource, error) {
	for _, f := range foreign {
		if isForeign(head, f.magic, f.nul) {
			return nil, fault(f.sort, o.Name, "the file is "+f.what, f.mend)
		}
	}
	s := &textSource{name: o.Name, max: o.MaxLine, raw: raw, dec: newDecoder(src)}
	sniff := make([]byte, sniffBytes)
	n, err := io.ReadFull(s.dec, sniff)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, s.failed(1, err)
	}
	text := io.MultiReader(bytes.NewReader(sniff[:n]), s.dec)
	s.scan = newScanner(text, delimiter(sniff[:n]), o.MaxLine)
	if err := s.record(); errors.Is(err, io.EOF) {
		return nil, fault(table.SortNoRows, o.Name, "the file is empty", "export it again with a header line and its rows")
	} else if err != nil {
		return nil, err
	}
	return s, s.readHeader()
}

// failed says where reading failed.
func (s *textSource) failed(line int64, err error) error {
	if e, ok := errors.AsType[*entrustment.Error](err); ok { // of a packing
		place := fmt.Sprintf("%s (%s)", rowPlace(s.name, line, ""), strings.TrimPrefix(e.Field, s.name+", "))
		return fault(table.SortOf(err), place, e.Detail, e.Mend)
	}
	switch {
	case errors.Is(err, errUTF16):
		return fault(table.SortEncoding, rowPlace(s.name, line, ""), "the file is UTF-16 without a byte order mark", "save it as CSV UTF-8, or as UTF-16 with a byte order mark (Unicode text)")
	case errors.Is(err, errUTF32):
		return fault(table.SortEncoding, rowPlace(s.name, line, ""), "the file is UTF-32, which is not read", "save it as CSV UTF-8")
	case errors.Is(err, errLong):
		return table.TooLong(s.name, line, s.max)
	case errors.Is(err, errQuote):
		return fault(table.SortOpenQuote, rowPlace(s.name, line, ""), "a quote that opens in this row is never closed", "close it, or double a quote that is meant literally")
	}
	return fmt.Errorf("read %s: %w", s.name, err)
}

// record moves to the next record that has a cell with anything in it.
func (s *textSource) record() error {
	for {
		switch err := s.scan.next(); {
		case errors.Is(err, io.EOF):
			return io.EOF
		case errors.Is(err, errLong), errors.Is(err, errQuote):
			return s.failed(s.scan.line, err)
		case err != nil:
			return s.failed(s.scan.next1, err)
		}
		for i := range s.scan.fields {
			if !blank(s.scan.field(i)) {
				return nil
			}
		}
	}
}

// blank tells whether a cell holds white space alone, in either encoding.
func blank(cell []byte) bool {
	if len(cell) > 0 && cell[0] > ' ' && cell[0] < utf8.RuneSelf { // as most begin
		return false
	}
	cell = bytes.TrimSpace(cell)
	for len(cell) >= 2 && cell[0] == 0x81 && cell[1] == 0x40 { // U+3000 in Shift_JIS
		cell = bytes.TrimSpace(cell[2:])
	}
	return len(cell) == 0
}

// readHeader takes the names from the current record, without empty ones at
// the end.
func (s *textSource) readHeader() error {
	if len(s.scan.fields) > table.MaxColumns {
		return table.TooWide(s.name)
	}
	for i := range s.scan.fields {
		cell := s.dec.appendCell(nil, s.scan.field(i))
		switch {
		case bytes.IndexByte(cell, 0) >= 0:
			return fault(table.SortEncoding, rowPlace(s.name, s.scan.line, ""), "the header holds NUL bytes: the file is UTF-16 without a byte order mark, or no text", "save it as CSV UTF-8")
		case !readable(cell):
			return fault(table.SortEncoding, rowPlace(s.name, s.scan.line, ""), "the header is neither UTF-8 nor Shift_JIS", "save it as CSV UTF-8")
		}
		s.header = append(s.header, strings.TrimSpace(string(cell)))
	}
	for s.header[len(s.header)-1] == "" {
		s.header = s.header[:len(s.header)-1]
	}
	return nil
}

// hold makes the line taken for a header the first row.
func (s *textSource) hold(names []string) { s.header, s.held, s.headless = names, true, true }

// Columns gives the names in the header.
func (s *textSource) Columns() []string { return s.header }

// Pick picks columns; text has no form that isn't read.
func (s *textSource) Pick(cols []int) error {
	s.picked = cols
	return nil
}

// Describe gives the encoding as far as the text has been read.
func (s *textSource) Describe() table.Form {
	f := table.Form{Format: "CSV", Encoding: s.dec.encoding, Delimiter: "comma"}
	switch {
	case s.scan.delim == '\t':
		f.Format, f.Delimiter = "TSV", "tab"
	case s.scan.delim == ';':
		f.Delimiter = "semicolon"
	case s.headless:
		f.Format, f.Delimiter = "TXT", ""
	}
	return f
}

// Next fills c with records.
func (s *textSource) Next(c *table.Chunk) error {
	c.Reset(len(s.picked))
	for !c.Full() {
		if !s.held {
			err := s.record()
			if errors.Is(err, io.EOF) && c.Rows() > 0 {
				break
			}
			if err != nil {
				return err
			}
		}
		s.held = false
		s.add(c)
	}
	c.Read = s.raw.n
	return nil
}

// add copies the picked cells of the current record.
func (s *textSource) add(c *table.Chunk) {
	plain := s.dec.encoding != encSJIS
	for _, i := range s.picked {
		if i < len(s.scan.fields) {
			if cell := s.scan.field(i); plain {
				c.Data = append(c.Data, cell...)
			} else {
				c.Data = s.dec.appendCell(c.Data, cell)
			}
		}
		c.End()
	}
	extra := false
	for i := len(s.header); i < len(s.scan.fields) && !extra; i++ {
		extra = !blank(s.scan.field(i))
	}
	c.EndRow(s.scan.line, extra)
}

// delimiter picks comma, tab or semicolon: whichever stands most often in the
// first line, outside quotes.
func delimiter(head []byte) byte {
	var count [utf8.RuneSelf]int
	quoted, seen := false, false
	for _, c := range head {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\n' || c == '\r':
			if seen {
				return most(&count)
			}
		case c < utf8.RuneSelf:
			count[c]++
			seen = true
		default:
			seen = true
		}
	}
	return most(&count)
}

func most(count *[utf8.RuneSelf]int) byte {
	best := byte(',')
	for _, c := range []byte{'\t', ';'} {
		if count[c] > count[best] {
			best = c
		}
	}
	return best
}
