package intake

import (
	"bytes"
	"errors"
	"io"
)

// errLong is a record over the limit, errQuote a quote that never closes. The
// scanner's line field says where the record starts.
var (
	errLong  = errors.New("record over the limit")
	errQuote = errors.New("quote is never closed")
)

// scanBlock is how much the scanner asks of its reader at once, in bytes.
const scanBlock = 256 << 10

// span is a field: buf[pos+from : pos+to], relative to the start of the record
// so that it survives a refill.
type span struct{ from, to int }

// scanner cuts a UTF-8 stream into CSV records (RFC 4180), one at a time, in a
// buffer it reuses. It takes what real exports hold: LF, CRLF and lone CR,
// blank lines (skipped), stray quotes in unquoted fields and text after a
// closing quote (both literal). On input that encoding/csv accepts and that
// has no lone CR, the records are the same.
//
// The next LF, CR and quote are found with IndexByte and remembered, so a line
// without quotes costs one vectorised search per separator, and a file with no
// LF at all is still read once.
type scanner struct {
	r     io.Reader
	delim byte
	max   int // longest record, in bytes

	buf        []byte
	pos, n     int // unread bytes are buf[pos:n]
	lf, cr, qt int // next of each at or after pos; n when there is none
	eof        bool

	line   int64 // physical line on which the current record starts, from 1
	next1  int64 // physical line at pos
	fields []span
	start  int // start of the current record in buf
}

func newScanner(r io.Reader, delim byte, max int) *scanner {
	return &scanner{r: r, delim: delim, max: max, buf: make([]byte, min(scanBlock, max+2)), next1: 1}
}

// field gives field i of the current record; valid until the next call.
func (s *scanner) field(i int) []byte {
	f := s.fields[i]
	return s.buf[s.start+f.from : s.start+f.to]
}

// next reads a record. It gives io.EOF after the last, errLong, errQuote, or
// what the reader said.
func (s *scanner) next() error {
	for {
		s.seek()
		end := min(s.lf, s.cr)
		if end-s.pos > s.max {
			s.line = s.next1
			return errLong
		}
		// A CR that ends the buffer may be half of a CRLF.
		if !s.eof && (end == s.n || end == s.cr && end+1 == s.n) {
			if err := s.fill(); err != nil {
				return err
			}
			continue
		}
		if s.pos == s.n {
			return io.EOF
		}
		if end == s.pos { // blank line
			s.pos = s.pastBreak(end)
			s.next1++
			continue
		}
		s.line = s.next1
		if s.qt >= end {
			s.split(end)
		} else if !s.splitQuoted(end) {
			return s.quoted()
		}
		s.pos = s.pastBreak(end)
		s.next1++
		return nil
	}
}

// seek brings the remembered positions up to pos.
func (s *scanner) seek() {
	if s.lf < s.pos {
		s.lf = s.find('\n', s.pos)
	}
	if s.cr < s.pos {
		s.cr = s.find('\r', s.pos)
	}
	if s.qt < s.pos {
		s.qt = s.find('"', s.pos)
	}
}

// find gives the position of c at or after from, or n.
func (s *scanner) find(c byte, from int) int {
	if i := bytes.IndexByte(s.buf[from:s.n], c); i >= 0 {
		return from + i
	}
	return s.n
}

// pastBreak gives the position after the line break at i; i may be the end.
func (s *scanner) pastBreak(i int) int {
	if i+1 < s.n && s.buf[i] == '\r' && s.buf[i+1] == '\n' {
		return i + 2
	}
	return min(i+1, s.n)
}

// split cuts the line that ends at end and holds no quote.
func (s *scanner) split(end int) {
	s.start, s.fields = s.pos, s.fields[:0]
	line := s.buf[s.pos:end]
	from := 0
	for {
		i := bytes.IndexByte(line[from:], s.delim)
		if i < 0 {
			s.fields = append(s.fields, span{from, len(line)})
			return
		}
		s.fields = append(s.fields, span{from, from + i})
		from += i + 1
	}
}

// splitQuoted cuts the line that ends at end if each quoted field in it is
// closed on it and has no quote inside, as most have. It changes nothing else,
// so that quoted can start over.
func (s *scanner) splitQuoted(end int) bool {
	s.start, s.fields = s.pos, s.fields[:0]
	line := s.buf[s.pos:end]
	from := 0
	for {
		to, after := 0, 0 // end of the field's text, and what follows the field
		if from < len(line) && line[from] == '"' {
			from++
			i := bytes.IndexByte(line[from:], '"')
			if i < 0 {
				return false
			}
			to, after = from+i, from+i+1
			if after < len(line) && line[after] != s.delim {
				return false
			}
		} else if i := bytes.IndexByte(line[from:], s.delim); i >= 0 {
			to, after = from+i, from+i
		} else {
			to, after = len(line), len(line)
		}
		s.fields = append(s.fields, span{from, to})
		if after == len(line) {
			return true
		}
		from = after + 1
	}
}

// fill moves the unread bytes to the front and reads more.
func (s *scanner) fill() error {
	if s.pos > 0 {
		copy(s.buf, s.buf[s.pos:s.n])
		s.n, s.lf, s.cr, s.qt, s.pos = s.n-s.pos, s.lf-s.pos, s.cr-s.pos, s.qt-s.pos, 0
	}
	if s.n == len(s.buf) {
		grown := make([]byte, min(2*len(s.buf), s.max+scanBlock))
		copy(grown, s.buf[:s.n])
		s.buf = grown
	}
	for range 100 { // as bufio: a reader that gives nothing is broken
		k, err := s.r.Read(s.buf[s.n:])
		if k > 0 {
			old := s.n
			s.n += k
			s.lf, s.cr, s.qt = s.after(s.lf, old, '\n'), s.after(s.cr, old, '\r'), s.after(s.qt, old, '"')
		}
		if errors.Is(err, io.EOF) {
			s.eof = true
			return nil
		}
		if err != nil {
			return err
		}
		if k > 0 {
			return nil
		}
	}
	return io.ErrNoProgress
}

// after searches the bytes from old on if at says there was none before.
func (s *scanner) after(at, old int, c byte) int {
	if at < old {
		return at
	}
	return s.find(c, old)
}

// byteAt gives byte i of the current record, refilling; ok is false at the end
// of the file.
func (s *scanner) byteAt(i int) (c byte, ok bool, err error) {
	for s.pos+i >= s.n {
		if s.eof {
			return 0, false, nil
		}
		if i > s.max {
			return 0, false, errLong
		}
		if err := s.fill(); err != nil {
			return 0, false, err
		}
	}
	return s.buf[s.pos+i], true, nil
}

// quoted reads a record that has a quote on its first line. Fields are
// unquoted in place: what is written never overtakes what is read.
func (s *scanner) quoted() error {
	s.fields = s.fields[:0]
	i := 0 // next byte to read, from pos
	for {
		from, w, stop, err := s.quotedField(&i)
		if err != nil {
			return err
		}
		if i > s.max+2 {
			return errLong
		}
		s.fields = append(s.fields, span{from, w})
		if stop == s.delim {
			continue
		}
		if stop == '\r' {
			c, ok, err := s.byteAt(i)
			if err != nil {
				return err
			}
			if ok && c == '\n' {
				i++
			}
		}
		s.next1++
		s.start = s.pos
		s.pos += i
		return nil
	}
}

// quotedField reads one field from *i on and gives its place and what ended
// it: the delimiter, '\n', '\r', or 0 at the end of the file.
func (s *scanner) quotedField(i *int) (from, w int, stop byte, err error) {
	from = *i
	w = from
	c, ok, err := s.byteAt(*i)
	if err != nil || !ok {
		return from, w, 0, err
	}
	if c == '"' {
		*i++
		if w, err = s.quotedPart(i, w); err != nil {
			return 0, 0, 0, err
		}
	}
	for { // an unquoted field, or text after a closing quote
		c, ok, err := s.byteAt(*i)
		if err != nil || !ok {
			return from, w, 0, err
		}
		*i++
		if c == s.delim || c == '\n' || c == '\r' {
			return from, w, c, nil
		}
		s.buf[s.pos+w] = c
		w++
	}
}

// quotedPart copies what stands between quotes to w on and gives its end. A
// CRLF inside is one LF, as encoding/csv has it.
func (s *scanner) quotedPart(i *int, w int) (int, error) {
	for {
		c, ok, err := s.byteAt(*i)
		if err != nil {
			return 0, err
		}
		if !ok {
			return 0, errQuote
		}
		*i++
		switch c {
		case '"':
			d, ok, err := s.byteAt(*i)
			if err != nil {
				return 0, err
			}
			if !ok || d != '"' {
				return w, nil
			}
			*i++
		case '\r':
			d, ok, err := s.byteAt(*i)
			if err != nil {
				return 0, err
			}
			if ok && d == '\n' {
				*i++
				c = '\n'
			}
			s.next1++
		case '\n':
			s.next1++
		}
		s.buf[s.pos+w] = c
		w++
	}
}
