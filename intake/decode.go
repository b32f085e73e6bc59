package intake

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Encodings as the Report names them.
const (
	encASCII = "ASCII"
	encUTF8  = "UTF-8"
	encBOM   = "UTF-8 with BOM"
	encSJIS  = "Shift_JIS (CP932)"
	encUTF16 = "UTF-16"
)

// decideOn is how many bytes from the first non-ASCII byte on decide between
// UTF-8 and Shift_JIS.
const decideOn = 1 << 20

// lost is what the decoders write for bytes that are no character. A cell that
// holds it, or bytes that are not UTF-8, is a row fault where it is used.
var lost = []byte("\uFFFD")

// decoder gives a text file as UTF-8. A BOM decides at once. Without one, bytes
// pass as they are while they are ASCII; the first block with anything else
// decides, from itself and what follows, between UTF-8 and Shift_JIS. So a file
// whose first megabytes are ASCII and whose last name is Shift_JIS is read
// right, in constant memory.
type decoder struct {
	src      io.Reader
	out      io.Reader // nil until decided
	started  bool
	encoding string
}

func newDecoder(r io.Reader) *decoder { return &decoder{src: r, encoding: encASCII} }

// Read gives UTF-8.
func (d *decoder) Read(p []byte) (int, error) {
	if !d.started {
		if err := d.start(); err != nil {
			return 0, err
		}
	}
	if d.out != nil {
		return d.out.Read(p)
	}
	n, err := d.src.Read(p)
	if ascii(p[:n]) {
		return n, err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	sample := append(make([]byte, 0, n+decideOn), p[:n]...)
	if err == nil {
		m, err := io.ReadFull(d.src, sample[n:n+decideOn])
		sample = sample[:n+m]
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, err
		}
	}
	d.encoding = decide(sample)
	d.out = io.MultiReader(bytes.NewReader(sample), d.src)
	if d.encoding == encSJIS {
		d.out = transform.NewReader(d.out, japanese.ShiftJIS.NewDecoder())
	}
	return d.out.Read(p)
}

// start looks for a byte order mark.
func (d *decoder) start() error {
	d.started = true
	head := make([]byte, 3)
	n, err := io.ReadFull(d.src, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	head = head[:n]
	rest := io.MultiReader(bytes.NewReader(head), d.src)
	switch {
	case bytes.Equal(head, []byte("\xEF\xBB\xBF")):
		d.encoding, d.out = encBOM, d.src
	case bytes.HasPrefix(head, []byte("\xFF\xFE")), bytes.HasPrefix(head, []byte("\xFE\xFF")):
		utf16 := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
		d.encoding, d.out = encUTF16, transform.NewReader(rest, utf16.NewDecoder())
	default:
		d.src = rest
	}
	return nil
}

// decide says whether a sample with non-ASCII bytes is UTF-8 or Shift_JIS. A
// character cut at the end counts for neither. Where both have bytes that are
// no character, the one with fewer wins and the rows concerned are faults.
func decide(sample []byte) string {
	asUTF8 := 0
	for rest := sample; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 && utf8.FullRune(rest) {
			asUTF8++
		}
		rest = rest[size:]
	}
	if asUTF8 == 0 {
		return encUTF8
	}
	decoded, _, err := transform.Bytes(japanese.ShiftJIS.NewDecoder(), sample)
	if err == nil && bytes.Count(bytes.TrimSuffix(decoded, lost), lost) < asUTF8 {
		return encSJIS
	}
	return encUTF8
}

// ascii tells whether b has no byte over 127.
func ascii(b []byte) bool {
	const high = 0x8080808080808080
	for len(b) >= 32 {
		w := binary.LittleEndian.Uint64(b) | binary.LittleEndian.Uint64(b[8:]) |
			binary.LittleEndian.Uint64(b[16:]) | binary.LittleEndian.Uint64(b[24:])
		if w&high != 0 {
			return false
		}
		b = b[32:]
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// readable tells whether a cell is text: UTF-8 with no lost character.
func readable(cell []byte) bool {
	return ascii(cell) || utf8.Valid(cell) && !bytes.Contains(cell, lost)
}
