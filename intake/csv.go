package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// sniffBytes is how much of the file's head decides its delimiter.
const sniffBytes = 64 << 10

// csvSource reads delimited text.
type csvSource struct {
	name   string
	max    int
	raw    *countingReader
	dec    *decoder
	scan   *scanner
	header []string
	picked []int
	held   bool // the current record is the first row: there is no header
}

// countingReader counts the bytes read, for progress.
type countingReader struct {
	r io.Reader
	n int64
}

// Read reads and counts.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// foreign are the first bytes of files that are neither text nor Parquet.
var foreign = []struct{ magic, what, mend string }{
	{"PK\x03\x04", "an Excel workbook or ZIP archive", "save the sheet as CSV UTF-8, or unpack it first"},
	{"\xD0\xCF\x11\xE0", "an old Excel workbook", "save the sheet as CSV UTF-8"},
	{"\x1F\x8B", "a gzip file", "unpack it first"},
	{"\x28\xB5\x2F\xFD", "a zstd file", "unpack it first"},
	{"%PDF", "a PDF", "export the table as CSV UTF-8"},
}

// openCSV reads the header line.
func openCSV(src io.ReaderAt, size int64, name string, max int) (*csvSource, error) {
	head := make([]byte, min(size, 4))
	if err := readAt(src, head, 0); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return nil, fault(name, "the file is "+f.what, f.mend)
		}
	}
	s := &csvSource{name: name, max: max}
	s.raw = &countingReader{r: io.NewSectionReader(src, 0, size)}
	s.dec = newDecoder(s.raw)
	sniff := make([]byte, sniffBytes)
	n, err := io.ReadFull(s.dec, sniff)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	text := io.MultiReader(bytes.NewReader(sniff[:n]), s.dec)
	s.scan = newScanner(text, delimiter(sniff[:n]), max)
	if err := s.record(); errors.Is(err, io.EOF) {
		return nil, fault(name, "the file is empty", "export it again with a header line and its rows")
	} else if err != nil {
		return nil, err
	}
	return s, s.readHeader()
}

// record moves to the next record that has a cell with anything in it.
func (s *csvSource) record() error {
	for {
		err := s.scan.next()
		switch {
		case errors.Is(err, io.EOF):
			return io.EOF
		case errors.Is(err, errLong):
			return tooLong(s.name, s.scan.line, s.max)
		case errors.Is(err, errQuote):
			return fault(rowPlace(s.name, s.scan.line, ""), "a quote that opens in this row is never closed", "close it, or double a quote that is meant literally")
		case err != nil:
			return fmt.Errorf("read %s: %w", s.name, err)
		}
		for i := range s.scan.fields {
			if len(bytes.TrimSpace(s.scan.field(i))) > 0 {
				return nil
			}
		}
	}
}

// readHeader takes the names from the current record, without empty ones at
// the end.
func (s *csvSource) readHeader() error {
	for i := range s.scan.fields {
		cell := s.scan.field(i)
		switch {
		case bytes.IndexByte(cell, 0) >= 0:
			return fault(rowPlace(s.name, s.scan.line, ""), "the header holds NUL bytes: the file is UTF-16 without a byte order mark, or no text", "save it as CSV UTF-8")
		case !readable(cell):
			return fault(rowPlace(s.name, s.scan.line, ""), "the header is neither UTF-8 nor Shift_JIS", "save it as CSV UTF-8")
		}
		s.header = append(s.header, strings.TrimSpace(string(cell)))
	}
	for s.header[len(s.header)-1] == "" {
		s.header = s.header[:len(s.header)-1]
	}
	return nil
}

// hold makes the line taken for a header the first row.
func (s *csvSource) hold(names []string) { s.header, s.held = names, true }

func (s *csvSource) columns() []string { return s.header }

func (s *csvSource) pick(cols []int) { s.picked = cols }

func (s *csvSource) describe(r *Report) {
	r.Format, r.Encoding = "CSV", s.dec.encoding
	r.Delimiter = map[byte]string{',': "comma", '\t': "tab", ';': "semicolon"}[s.scan.delim]
}

// next fills c with records.
func (s *csvSource) next(c *chunk) error {
	c.reset(len(s.picked))
	for !c.full() {
		if !s.held {
			err := s.record()
			if errors.Is(err, io.EOF) && c.rows() > 0 {
				break
			}
			if err != nil {
				return err
			}
		}
		s.held = false
		s.add(c)
	}
	c.read = s.raw.n
	return nil
}

// add copies the picked cells of the current record.
func (s *csvSource) add(c *chunk) {
	for _, i := range s.picked {
		if i < len(s.scan.fields) {
			c.data = append(c.data, s.scan.field(i)...)
		}
		c.end()
	}
	for i := len(s.header); i < len(s.scan.fields); i++ {
		if len(bytes.TrimSpace(s.scan.field(i))) > 0 {
			for len(c.extra) < len(c.lines) {
				c.extra = append(c.extra, false)
			}
			c.extra = append(c.extra, true)
			break
		}
	}
	c.lines = append(c.lines, s.scan.line)
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
