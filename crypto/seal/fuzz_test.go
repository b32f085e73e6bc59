package seal

import (
	"bytes"
	"errors"
	"math"
	"testing"
)

// FuzzHeader: a header has one encoding.
func FuzzHeader(f *testing.F) {
	_, _, listed := crafts()
	listed.header.Identifiers, listed.header.List = nil, "members"
	for _, c := range append(allCrafts(), listed) {
		b, err := appendHeader(nil, &c.addr, &c.header)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
		f.Add(append(bytes.Clone(b), 0))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		a, h, err := decodeHeader(in)
		if err != nil {
			if !errors.Is(err, MalformedHeader) {
				t.Fatal(err)
			}
			return
		}
		out, err := appendHeader(nil, &a, &h)
		if err != nil {
			t.Fatalf("decoded, but may not be sealed: %v", err)
		}
		if !bytes.Equal(in, out) {
			t.Error("two encodings of one header")
		}
	})
}

// FuzzRecord: a record's rows have one encoding, and take memory in proportion
// to it.
func FuzzRecord(f *testing.F) {
	list, base, events := craftRows()
	for i, rows := range [][]Row{list, base, events} {
		c := allCrafts()[i]
		s := shapeOf(&c.header)
		var b []byte
		for j := range rows {
			var fault string
			if b, fault = s.appendRow(b, &rows[j]); fault != "" {
				f.Fatal(fault)
			}
		}
		f.Add(uint8(i), b)
		f.Add(uint8(i), b[:len(b)-1])
		f.Add(uint8(i), append(bytes.Clone(b), 0))
	}
	f.Fuzz(func(t *testing.T, which uint8, in []byte) {
		c := allCrafts()[int(which)%3]
		d := shapeOf(&c.header)
		var m Memory
		var out []byte
		for rest := in; len(rest) > 0; {
			batch, after, fault := d.cut(rest)
			rows := batch.Rows(&m)
			for i := range rows {
				var wrong string
				if out, wrong = d.appendRow(out, &rows[i]); wrong != "" {
					t.Fatalf("decoded, but may not be sealed: %s", wrong)
				}
			}
			if fault != "" {
				if !bytes.HasPrefix(in, out) {
					t.Error("two encodings of the rows before the fault")
				}
				return
			}
			rest = after
		}
		if !bytes.Equal(in, out) {
			t.Error("two encodings of one record")
		}
	})
}

// FuzzOpen: no bytes crash it, and what opens under X25519 is nothing that the
// sealer didn't make.
func FuzzOpen(f *testing.F) {
	key, err := DeriveKey(X25519, craftSeed)
	if err != nil {
		f.Fatal(err)
	}
	rows := make([][]Row, 3)
	rows[0], rows[1], rows[2] = craftRows()
	good := map[string]bool{}
	for i, c := range allCrafts() {
		var b bytes.Buffer
		w, err := NewWriter(&b, key.Public(), c.addr, c.header, WriterOptions{Rand: bytes.NewReader(craftEncap)})
		if err != nil {
			f.Fatal(err)
		}
		if err := errors.Join(w.Write(rows[i]), w.Close()); err != nil {
			f.Fatal(err)
		}
		good[b.String()] = true
		f.Add(b.Bytes())
		f.Add(b.Bytes()[:b.Len()-1])
		f.Add(append(bytes.Clone(b.Bytes()), 0))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		head, err := ReadHead(bytes.NewReader(in))
		if err != nil {
			return
		}
		file, err := Open(bytes.NewReader(in), key, head.Address, &head.Header, nil)
		if err != nil {
			return
		}
		for _, err := range file.Rows() {
			if err != nil {
				return
			}
		}
		// The signature, which is not pinned here, is all that may differ.
		if !head.Signed && !good[string(in)] {
			t.Error("opens what nobody sealed")
		}
	})
}

func allCrafts() []craft {
	list, base, events := crafts()
	return []craft{list, base, events}
}

// Positions and counts of a shape are whole at their limits.
func TestShapeLimits(t *testing.T) {
	h := Header{Channels: make([]string, 64)}
	if s := shapeOf(&h); s.channels != math.MaxUint64 {
		t.Errorf("64 channels: %#x", s.channels)
	}
	h.Channels = nil
	if s := shapeOf(&h); s.channels != 0 {
		t.Errorf("no channels: %#x", s.channels)
	}
}

// A Memory forgets rather than grow: a hostile file can't make it remember a
// text a row.
func TestMemoryRemembersFewTexts(t *testing.T) {
	d := Memory{}
	for i := range 3 * maxTexts {
		text := []byte{byte(i), byte(i >> 8), byte(i >> 16)}
		if got := d.text(text); got != string(text) {
			t.Fatal("another text")
		}
	}
	if len(d.texts) != maxTexts {
		t.Errorf("remembers %d", len(d.texts))
	}
}
