package render

import (
	"bytes"
	"fmt"
	"io"

	encoding "golang.org/x/text/encoding/japanese"
	"golang.org/x/text/unicode/norm"

	"awase/enclave/wire"
	"awase/entrustment"
)

// geta stands where a sign can't be written, as printers in Japan have it.
const geta = '〓'

// similar are signs that CP932 has under another code.
var similar = map[rune]rune{
	'¥': '￥', '–': '-', '—': '―', '‐': '-', '−': '－', '·': '・', '•': '・', '≥': '≧', '≤': '≦', '〜': '～', '‖': '∥',
	'¢': '￠', '£': '￡', '¬': '￢', '\u00a0': ' ', '\u2011': '-',
}

// writeSJIS writes the CSV in Shift_JIS as Windows has it (CP932), for programs
// that read nothing else. A sign that CP932 lacks becomes the one most like it,
// or else 〓. Two values of one dimension that this would make the same are
// refused: a table with both rows under one name says something false.
func writeSJIS(w io.Writer, r *wire.Release) error {
	for _, d := range r.Dims {
		seen := map[string]string{}
		for _, v := range d.Domain {
			b := string(cp932(nil, v))
			if other, ok := seen[b]; ok && other != v {
				return &entrustment.Error{
					Code: entrustment.CodeSpec, Field: "encoding",
					Detail: fmt.Sprintf("Shift_JIS has no signs that tell two values of %s apart", plain(d.Name)),
					Mend:   "take the CSV in UTF-8",
				}
			}
			seen[b] = v
		}
	}
	var b bytes.Buffer
	if err := writeCSV(&b, r); err != nil {
		return err
	}
	if _, err := w.Write(cp932(nil, b.String())); err != nil {
		return fmt.Errorf("writing the release as CSV: %w", err)
	}
	return nil
}

// cp932 appends s in CP932.
func cp932(to []byte, s string) []byte {
	e := encoding.ShiftJIS.NewEncoder()
	var utf [4]byte
	for _, r := range norm.NFC.String(s) { // a Mac writes か and ゛ apart
		if r < 0x80 {
			to = append(to, byte(r))
			continue
		}
		if near, ok := similar[r]; ok {
			r = near
		}
		b, err := e.Bytes(append(utf[:0], string(r)...))
		if err != nil {
			b = []byte{0x81, 0xac} // 〓
		}
		to = append(to, b...)
	}
	return to
}
