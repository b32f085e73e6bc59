package intake

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
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
// UTF-8 and Shift_JIS, and sniffUTF16 how many from the start on whether the
// file is UTF-16 without a byte order mark.
const (
	decideOn   = 1 << 20
	sniffUTF16 = 4 << 10
)

// lost is what the decoders write for bytes that are no character. A cell that
// holds it, or bytes that are not UTF-8, is a row fault where it is used.
var lost = []byte("\uFFFD")

// A cell of a Shift_JIS file that can't be read is given as one of these bytes,
// neither of which is UTF-8.
const (
	cellBroken = '\xFF' // no character of Shift_JIS
	cellMixed  = '\xFE' // characters of UTF-8
)

var (
	errUTF16 = errors.New("UTF-16 without a byte order mark")
	errUTF32 = errors.New("UTF-32")
)

// decoder gives a text file in bytes that can be cut at commas, quotes and line
// breaks: UTF-8, or Shift_JIS as it is, for no byte of its characters is one of
// those. So the scanner reads every file at the speed of its bytes and only
// cells that are used are ever decoded.
//
// A BOM decides at once. Without one, bytes pass as they are while they are
// ASCII; the first block with anything else decides, from itself and what
// follows, between UTF-8 and Shift_JIS. So a file whose first megabytes are
// ASCII and whose last name is Shift_JIS is read right, in constant memory.
type decoder struct {
	src      io.Reader
	out      io.Reader // nil until decided
	started  bool
	encoding string // right for all bytes given so far
	sjis     *encoding.Decoder
}

func newDecoder(r io.Reader) *decoder { return &decoder{src: r, encoding: encASCII} }

// Read gives UTF-8, or where encoding says so, Shift_JIS.
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
	return d.out.Read(p)
}

// start looks for a byte order mark.
func (d *decoder) start() error {
	d.started = true
	head := make([]byte, sniffUTF16)
	n, err := io.ReadFull(d.src, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")):
		d.encoding, d.out = encBOM, io.MultiReader(bytes.NewReader(head[3:]), d.src)
	case bytes.HasPrefix(head, []byte("\xFF\xFE\x00\x00")), bytes.HasPrefix(head, []byte("\x00\x00\xFE\xFF")):
		return errUTF32
	case bytes.HasPrefix(head, []byte("\xFF\xFE")), bytes.HasPrefix(head, []byte("\xFE\xFF")):
		utf16 := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
		d.encoding, d.out = encUTF16, transform.NewReader(io.MultiReader(bytes.NewReader(head), d.src), utf16.NewDecoder())
	case bareUTF16(head):
		return errUTF16
	default:
		d.src = io.MultiReader(bytes.NewReader(head), d.src)
	}
	return nil
}

// bareUTF16 tells UTF-16 by its NULs: each ASCII character has one, all on the
// same side. A NUL that got into a UTF-8 file stands alone.
func bareUTF16(head []byte) bool {
	var nul [2]int
	for i, c := range head {
		if c == 0 {
			nul[i&1]++
		}
	}
	most, least := max(nul[0], nul[1]), min(nul[0], nul[1])
	return most >= 2 && most*16 >= len(head) && least*8 <= most
}

// appendCell appends a cell as UTF-8.
func (d *decoder) appendCell(dst, cell []byte) []byte {
	if d.encoding != encSJIS || ascii(cell) {
		return append(dst, cell...)
	}
	if foreignUTF8(cell) {
		return append(dst, cellMixed)
	}
	if d.sjis == nil {
		d.sjis = japanese.ShiftJIS.NewDecoder()
	}
	d.sjis.Reset()
	from := len(dst)
	for room := 2 * len(cell); ; room *= 2 {
		if cap(dst)-from < room {
			dst = append(dst[:from], make([]byte, room)...)
		}
		n, _, err := d.sjis.Transform(dst[from:cap(dst)], cell, true)
		if errors.Is(err, transform.ErrShortDst) {
			continue
		}
		if err != nil || bytes.Contains(dst[from:from+n], lost) {
			return append(dst[:from], cellBroken)
		}
		return dst[:from+n]
	}
}

// foreignUTF8 tells a cell of UTF-8 inside a Shift_JIS file: every character
// outside ASCII is Japanese or full-width, in UTF-8. In Shift_JIS such bytes are
// the 縺 and 繧 of garbled text.
func foreignUTF8(cell []byte) bool {
	for len(cell) > 0 {
		r, size := utf8.DecodeRune(cell)
		if r >= utf8.RuneSelf && (r < 0x3000 || r > 0xFFEF || r == utf8.RuneError) {
			return false
		}
		cell = cell[size:]
	}
	return true
}

// otherEncoding tells whether a cell that is no UTF-8 is Shift_JIS.
func otherEncoding(cell []byte) bool {
	if len(cell) == 1 {
		return cell[0] == cellMixed
	}
	text, err := japanese.ShiftJIS.NewDecoder().Bytes(cell)
	return err == nil && !utf8.Valid(cell) && !bytes.Contains(text, lost)
}

// decide says whether a sample with non-ASCII bytes is UTF-8 or Shift_JIS, by
// its lines: those that are no UTF-8 but whole in Shift_JIS stand against those
// that are UTF-8. So a file that was put together from both is read by what
// most of it is, and the other rows are faults. A line cut at the end doesn't
// count, unless it is the only one.
func decide(sample []byte) string {
	dec := japanese.ShiftJIS.NewDecoder()
	asUTF8, asSJIS, broken := 0, 0, 0
	for rest := sample; len(rest) > 0; {
		line := rest
		if i := bytes.IndexAny(rest, "\r\n"); i >= 0 {
			line, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
			if asUTF8+asSJIS > 0 {
				break
			}
			line = whole(line)
		}
		switch {
		case ascii(line):
		case utf8.Valid(line):
			asUTF8++
		default:
			if text, err := dec.Bytes(line); err == nil && !bytes.Contains(text, lost) {
				asSJIS++
			} else {
				broken++
			}
		}
	}
	if asSJIS > asUTF8 || asSJIS+asUTF8 == 0 && broken > 0 && fewerLost(sample) {
		return encSJIS
	}
	return encUTF8
}

// whole cuts a UTF-8 character off that ends in the middle.
func whole(line []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(line); i++ {
		if c := line[len(line)-i]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(line[len(line)-i:]) {
				return line[:len(line)-i]
			}
			break
		}
	}
	return line
}

// fewerLost tells whether Shift_JIS leaves fewer bytes over than UTF-8, for a
// sample where no line is whole in either.
func fewerLost(sample []byte) bool {
	asUTF8 := 0
	for rest := sample; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 && utf8.FullRune(rest) {
			asUTF8++
		}
		rest = rest[size:]
	}
	decoded, _, err := transform.Bytes(japanese.ShiftJIS.NewDecoder(), sample)
	return err == nil && bytes.Count(bytes.TrimSuffix(decoded, lost), lost) < asUTF8
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
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b)&high != 0 {
			return false
		}
		b = b[8:]
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
