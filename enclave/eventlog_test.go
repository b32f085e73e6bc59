package enclave

import (
	"encoding/binary"
	"testing"
)

// FuzzLogReader: bytes that are no stored log end in an error, not in a panic,
// and rows that are read keep to their day and to the kinds that there are room
// for.
func FuzzLogReader(f *testing.F) {
	row := func(day uint32, tokens int, codes int) []byte {
		b := binary.BigEndian.AppendUint32(nil, day)
		b = append(b, 1, byte(tokens))
		for i := range tokens {
			b = append(b, byte(i))
			b = append(b, make([]byte, 16)...)
		}
		b = append(b, make([]byte, codes+8)...)
		return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
	}
	f.Add("day.20000", row(20000, 1, 0), 0)
	f.Add("day.20000", append(row(20000, 2, 3), row(20000, 2, 3)...), 3)
	f.Add("day.7", row(20000, 1, 0), 0)
	f.Add("day.20000", []byte{0, 9, 1}, 0)
	f.Fuzz(func(t *testing.T, name string, data []byte, codes int) {
		r := logReader{days: map[string][]byte{name: data}, codes: max(0, codes%64)}
		bytes := 0
		for e := range r.all() {
			if dayColumn(e.Day) != name {
				t.Errorf("a row of day %d in %s", e.Day, name)
			}
			n := len(e.Tokens)
			if e.User != nil {
				n++
			}
			bytes += 2 + 6 + r.codes + 8 + n*17
		}
		if r.err == nil && bytes > len(data) {
			t.Errorf("%d bytes of rows out of %d", bytes, len(data))
		}
	})
}
