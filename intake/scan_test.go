package intake

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// record is a scanned record and the line it starts on.
type record struct {
	line  int64
	cells []string
}

func scanAll(r io.Reader, delim byte, max int) (all []record, err error) {
	s := newScanner(r, delim, max)
	for {
		if err := s.next(); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return append(all, record{line: s.line}), err
		}
		rec := record{line: s.line}
		for i := range s.fields {
			rec.cells = append(rec.cells, string(s.field(i)))
		}
		all = append(all, rec)
	}
}

func TestScanner(t *testing.T) {
	type rows = []record
	for _, tc := range []struct {
		name, in string
		want     rows
	}{
		{"LF", "a,b\nc,d\n", rows{{1, []string{"a", "b"}}, {2, []string{"c", "d"}}}},
		{"CRLF", "a,b\r\nc,d\r\n", rows{{1, []string{"a", "b"}}, {2, []string{"c", "d"}}}},
		{"lone CR", "a,b\rc,d\r", rows{{1, []string{"a", "b"}}, {2, []string{"c", "d"}}}},
		{"mixed breaks", "a\r\nb\rc\nd", rows{{1, []string{"a"}}, {2, []string{"b"}}, {3, []string{"c"}}, {4, []string{"d"}}}},
		{"no break at the end", "a,b", rows{{1, []string{"a", "b"}}}},
		{"blank lines", "\n\r\na\n\n\nb\n\n", rows{{3, []string{"a"}}, {6, []string{"b"}}}},
		{"empty cells", ",,\n", rows{{1, []string{"", "", ""}}}},
		{"quoted", "\"a\",\"b,c\"\n\"d\"\n", rows{{1, []string{"a", "b,c"}}, {2, []string{"d"}}}},
		{"doubled quotes", "\"a\"\"b\"\"\",\"\"\n", rows{{1, []string{`a"b"`, ""}}}},
		{"quoted breaks", "\"a\nb\r\nc\",d\ne\n", rows{{1, []string{"a\nb\nc", "d"}}, {4, []string{"e"}}}},
		{"quoted lone CR", "\"a\rb\"\rc", rows{{1, []string{"a\rb"}}, {3, []string{"c"}}}},
		{"stray quotes", "a\"b,c\" \"\n", rows{{1, []string{`a"b`, `c" "`}}}},
		{"text after a closing quote", "\"a\"b,\"c\" \n", rows{{1, []string{"ab", "c "}}}},
		{"quote at the end", "\"a\"", rows{{1, []string{"a"}}}},
		{"CRLF after a quote", "\"a\"\r\n\"b\"\r\n", rows{{1, []string{"a"}}, {2, []string{"b"}}}},
		{"nothing", "", nil},
		{"only breaks", "\n\r\n\r", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{
				"whole":     strings.NewReader(tc.in),
				"one byte":  iotest.OneByteReader(strings.NewReader(tc.in)),
				"data, EOF": iotest.DataErrReader(strings.NewReader(tc.in)),
			} {
				got, err := scanAll(r, ',', 1000)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if !slices.EqualFunc(got, tc.want, sameRecord) {
					t.Errorf("%s: got %+v, want %+v", name, got, tc.want)
				}
			}
		})
	}
}

func sameRecord(a, b record) bool { return a.line == b.line && slices.Equal(a.cells, b.cells) }

func TestScannerFaults(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, tc := range []struct {
		name, in string
		want     error
		line     int64
	}{
		{"long line", "a\n" + long + "\n", errLong, 2},
		{"long last line", "a\n" + long, errLong, 2},
		{"long quoted cell", "a\nb\n\"" + strings.Repeat("x\n", 100) + "\"\n", errLong, 3},
		{"long after a quote", "\"a\"" + long, errLong, 1},
		{"open quote", "a\n\"b\nc\n", errQuote, 2},
		{"open quote at the end", "a\n\"", errQuote, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(tc.in), iotest.OneByteReader(strings.NewReader(tc.in))} {
				got, err := scanAll(r, ',', 100)
				if !errors.Is(err, tc.want) {
					t.Fatalf("got error %v, want %v", err, tc.want)
				}
				if at := got[len(got)-1].line; at != tc.line {
					t.Errorf("fault at line %d, want %d", at, tc.line)
				}
			}
		})
	}
}

// endless never stops giving the same bytes.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.read += int64(len(p))
	return len(p), nil
}

func TestScannerEndlessLine(t *testing.T) {
	for _, head := range []string{"", `"`, `a,"`, `"a"`} {
		e := &endless{}
		s := newScanner(io.MultiReader(strings.NewReader(head), e), ',', 1<<20)
		if err := s.next(); !errors.Is(err, errLong) {
			t.Fatalf("after %q: got error %v, want %v", head, err, errLong)
		}
		if e.read > 4<<20 || len(s.buf) > 4<<20 {
			t.Errorf("after %q: read %d bytes into %d for a limit of 1 MiB", head, e.read, len(s.buf))
		}
	}
}

// FuzzCSV holds the scanner against encoding/csv: what that accepts gives the
// same records here, whatever the reader's pieces, and nothing panics or runs
// for ever.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"a,b\nc,d\n", "\"a\",\"b\"\"c\"\r\n", "a\n\n\nb", "\"a\r\nb\",c", "\"", "\"\"\"", ",\n,", "a\rb", "\xff,\x00\n",
		"メール,電話\n\"ｱ\",２\n", "\"a\"b\n", "a\"b\n", "\r\r\n", "\"a\n", " \n", "\"\"\n\"\"",
	} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, piece uint8) {
		got, err := scanAll(strings.NewReader(string(in)), ',', 1<<12)
		pieces, pieceErr := scanAll(&pieceReader{in, int(piece)%7 + 1}, ',', 1<<12)
		if !errors.Is(pieceErr, err) || !slices.EqualFunc(got, pieces, sameRecord) {
			t.Fatalf("in pieces of %d: %+v, %v; whole: %+v, %v", piece%7+1, pieces, pieceErr, got, err)
		}
		if loneCR(string(in)) || len(in) > 1<<12 {
			return // encoding/csv takes a lone CR for text
		}
		ref := csv.NewReader(strings.NewReader(string(in)))
		ref.FieldsPerRecord = -1
		want, refErr := ref.ReadAll()
		if refErr != nil {
			return
		}
		if err != nil {
			t.Fatalf("encoding/csv reads it, the scanner says %v", err)
		}
		if !slices.EqualFunc(got, want, func(a record, b []string) bool { return slices.Equal(a.cells, b) }) {
			t.Fatalf("got %+v, encoding/csv has %q", got, want)
		}
	})
}

func loneCR(s string) bool {
	s = strings.ReplaceAll(s, "\r\n", "")
	return strings.Contains(s, "\r")
}

// pieceReader gives n bytes at a time.
type pieceReader struct {
	b []byte
	n int
}

func (r *pieceReader) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.b[:min(r.n, len(r.b))])
	r.b = r.b[n:]
	return n, nil
}
