package seal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"awase/crypto/seal"
)

func newWriter(t *testing.T, b *bytes.Buffer, a seal.Address, h seal.Header) *seal.Writer {
	t.Helper()
	w, err := seal.NewWriter(b, testKey(t, seal.X25519).Public(), a, h, seal.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// A record holds whole rows and at most 1 MiB: files whose rows come to just
// below, at and above one record and two.
func TestBoundarySizes(t *testing.T) {
	key := testKey(t, seal.X25519)
	const plain = seal.MaxRecord - 16
	a := testAddress
	a.Name = seal.EventsName
	h := seal.Header{Purpose: seal.Events, Events: []seal.EventType{{Kind: "click", Category: "c"}}}
	const bare = 1 + 2 + 4 + 1 + 8 // a row without its user key
	rowOf := func(size int) seal.Row {
		return seal.Row{Event: &seal.Event{Key: bytes.Repeat([]byte{'k'}, size-bare)}}
	}
	fill := func(size int) (rows []seal.Row) { // of rows of 500 bytes, the last ones shorter
		for size > 500+2*(bare+1) {
			rows = append(rows, rowOf(500))
			size -= 500
		}
		return append(rows, rowOf(size/2), rowOf(size-size/2))
	}
	for _, full := range []int{1, 2} {
		for _, more := range []int{-1, 0, 1} {
			t.Run(fmt.Sprintf("%d records%+d", full, more), func(t *testing.T) {
				var rows []seal.Row
				for range full - 1 {
					rows = append(rows, fill(plain)...)
				}
				rows = append(rows, fill(plain+more)...)
				file := sealFile(t, key, a, h, rows, nil)
				want := full
				if more > 0 {
					want++
				}
				if got := countRecords(t, file); got != want {
					t.Errorf("%d records, want %d", got, want)
				}
				got, err := openFile(file, key, a, &h, nil)
				if err != nil {
					t.Fatal(err)
				}
				sameRows(t, got, rows)
			})
		}
	}
}

func countRecords(t *testing.T, file []byte) (n int) {
	t.Helper()
	r := bytes.NewReader(file)
	if _, err := seal.ReadHead(r); err != nil {
		t.Fatal(err)
	}
	for r.Len() > 0 {
		var size uint32
		if err := binary.Read(r, binary.BigEndian, &size); err != nil {
			t.Fatal(err)
		}
		if size &^= 1 << 31; size > seal.MaxRecord {
			t.Fatalf("a record of %d bytes", size)
		}
		r.Seek(int64(size), 1)
		n++
	}
	return n
}

// The largest row there is fits a record.
func TestLargestRow(t *testing.T) {
	h := seal.Header{Purpose: seal.Base, Document: strings.Repeat("5e", 32)}
	for i := range 256 {
		domain := make([]string, 256)
		for j := range domain {
			domain[j] = fmt.Sprint("v", j)
		}
		domain[255] = "unknown"
		h.Identifiers = append(h.Identifiers, seal.IdentifierColumn{Kind: "cookie", Namespace: fmt.Sprint("n", i)})
		h.Columns = append(h.Columns, seal.Column{Name: fmt.Sprint("c", i), Domain: domain})
	}
	for i := range 64 {
		h.Channels = append(h.Channels, fmt.Sprint("ch", i))
	}
	text := string(bytes.Repeat([]byte{'x'}, 512))
	row := seal.Row{Codes: bytes.Repeat([]byte{255}, 256), Person: &seal.Person{Key: []byte(text), PolicyVersion: text, Service: text, Channels: math.MaxUint64, Consent: math.MaxInt32}}
	for i := range 255 {
		row.Identifiers = append(row.Identifiers, seal.Identifier{Column: uint8(i + 1), Class: 255})
	}
	key, a := testKey(t, seal.X25519), seal.BaseAddress("operator", testAddress.Upload)
	rows := []seal.Row{row, row}
	got, err := openFile(sealFile(t, key, a, h, rows, nil), key, a, &h, nil)
	if err != nil {
		t.Fatal(err)
	}
	sameRows(t, got, rows)
}

func TestRowsThatDoNotFit(t *testing.T) {
	long := bytes.Repeat([]byte{'x'}, 513)
	for name, c := range map[string]struct {
		kind string
		edit func(r *seal.Row)
	}{
		"no identifier":       {"list", func(r *seal.Row) { r.Identifiers = nil }},
		"column":              {"list", func(r *seal.Row) { r.Identifiers = []seal.Identifier{{Column: 1}} }},
		"many":                {"list", func(r *seal.Row) { r.Identifiers = make([]seal.Identifier, 256) }},
		"code":                {"list", func(r *seal.Row) { r.Codes = []uint8{2} }},
		"too few codes":       {"list", func(r *seal.Row) { r.Codes = nil }},
		"too many codes":      {"list", func(r *seal.Row) { r.Codes = []uint8{0, 0} }},
		"person in a list":    {"list", func(r *seal.Row) { r.Person = &seal.Person{Key: []byte("k")} }},
		"event in a list":     {"list", func(r *seal.Row) { r.Event = &seal.Event{Key: []byte("k")} }},
		"no person":           {"base", func(r *seal.Row) { r.Person = nil }},
		"no key":              {"base", func(r *seal.Row) { r.Person.Key = nil }},
		"long key":            {"base", func(r *seal.Row) { r.Person.Key = long }},
		"long policy version": {"base", func(r *seal.Row) { r.Person.PolicyVersion = string(long) }},
		"long service":        {"base", func(r *seal.Row) { r.Person.Service = string(long) }},
		"channel":             {"base", func(r *seal.Row) { r.Person.Channels = 2 }},
		"day of consent":      {"base", func(r *seal.Row) { r.Person.Consent = -1 }},
		"no event":            {"events", func(r *seal.Row) { r.Event = nil }},
		"type":                {"events", func(r *seal.Row) { r.Event.Type = 1 }},
		"nobody":              {"events", func(r *seal.Row) { r.Event.Key = nil }},
		"user of a list":      {"list", func(r *seal.Row) { r.User = []byte("k") }},
		"long user":           {"request", func(r *seal.Row) { r.User = long }},
		"person of a request": {"request", func(r *seal.Row) { r.Person = &seal.Person{Key: []byte("k")} }},
		"hash of a request":   {"request", func(r *seal.Row) { r.Identifiers = make([]seal.Identifier, 1) }},
		"long event key":      {"events", func(r *seal.Row) { r.Event.Key = long }},
	} {
		t.Run(name, func(t *testing.T) {
			k := kinds()[c.kind]
			var b bytes.Buffer
			w := newWriter(t, &b, k.address, k.header)
			if err := w.Write(k.rows[:1]); err != nil {
				t.Fatal(err)
			}
			bad := kinds()[c.kind].rows[0]
			c.edit(&bad)
			err := w.Write([]seal.Row{k.rows[0], bad})
			var e *seal.Error
			if !errors.As(err, &e) || e.Reason != seal.BadRow || e.Row != 3 || e.Detail == "" {
				t.Fatalf("got %v, want row 3 refused", err)
			}
			// The file can't be ended as if nothing had happened.
			if again := w.Write(k.rows); !errors.Is(again, seal.BadRow) {
				t.Errorf("Write after an error: %v", again)
			}
			if err := w.Close(); !errors.Is(err, seal.BadRow) {
				t.Errorf("Close after an error: %v", err)
			}
			if _, err := openFile(b.Bytes(), testKey(t, seal.X25519), k.address, nil, nil); !errors.Is(err, seal.Truncated) {
				t.Errorf("opens: %v", err)
			}
		})
	}
}

func TestWhatIsNotSealed(t *testing.T) {
	good := kinds()["list"]
	long := string(bytes.Repeat([]byte{'x'}, 513))
	for name, c := range map[string]struct {
		want seal.Reason
		edit func(a *seal.Address, h *seal.Header)
	}{
		"no upload id":         {seal.BadAddress, func(a *seal.Address, _ *seal.Header) { a.Upload = [16]byte{} }},
		"no entrustment":       {seal.BadAddress, func(a *seal.Address, _ *seal.Header) { a.Entrustment = "" }},
		"reserved entrustment": {seal.BadAddress, func(a *seal.Address, _ *seal.Header) { a.Entrustment, a.Version = seal.BaseEntrustment, 0 }},
		"version 0":            {seal.BadAddress, func(a *seal.Address, _ *seal.Header) { a.Version = 0 }},
		"large version":        {seal.BadAddress, func(a *seal.Address, _ *seal.Header) { a.Version = math.MaxInt32 + 1 }},
		"no party":             {seal.BadAddress, func(a *seal.Address, _ *seal.Header) { a.Party = "" }},
		"party is no id":       {seal.BadAddress, func(a *seal.Address, _ *seal.Header) { a.Party = "a/b" }},
		"long id":              {seal.BadAddress, func(a *seal.Address, _ *seal.Header) { a.Party = long[:65] }},
		"reserved name":        {seal.BadAddress, func(a *seal.Address, _ *seal.Header) { a.Name = seal.BaseName }},
		"no purpose":           {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.Purpose = "" }},
		"no kind":              {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.Identifiers = []seal.IdentifierColumn{{}} }},
		"long namespace": {seal.BadHeader, func(_ *seal.Address, h *seal.Header) {
			h.Identifiers = []seal.IdentifierColumn{{Kind: "cookie", Namespace: long}}
		}},
		"no domain":      {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.Columns = []seal.Column{{Name: "x"}} }},
		"no unknown":     {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.Columns[0].Domain = []string{"a"} }},
		"value twice":    {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.Columns[0].Domain = []string{"a", "a", "unknown"} }},
		"column twice":   {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.Columns = append(h.Columns, h.Columns[0]) }},
		"channels":       {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.Channels = []string{"mail"} }},
		"events":         {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.Events = []seal.EventType{{Kind: "a", Category: "b"}} }},
		"many columns":   {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.Columns = make([]seal.Column, 257) }},
		"many kinds":     {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.Identifiers = make([]seal.IdentifierColumn, 257) }},
		"large header":   {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.Columns = largeColumns() }},
		"log, no events": {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.Purpose = seal.Events }},
		"list with unit": {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.Unit = "yen" }},
		"unit, a line": {seal.BadHeader, func(a *seal.Address, h *seal.Header) {
			a.Name, *h = seal.EventsName, kinds()["events"].header
			h.Unit = "y\nen"
		}},
		"long unit": {seal.BadHeader, func(a *seal.Address, h *seal.Header) {
			a.Name, *h = seal.EventsName, kinds()["events"].header
			h.Unit = long
		}},
		"another change": {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.Change = "replace" }},
		"after nothing":  {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.After = strings.Repeat("0", 32) }},
		"after, short":   {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.After = "0a" }},
		"remove, column": {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.Change = seal.Remove }},
		"log that adds": {seal.BadHeader, func(a *seal.Address, h *seal.Header) {
			a.Name, *h = seal.EventsName, kinds()["events"].header
			h.Change = seal.Add
		}},
		"list, document": {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.Document = strings.Repeat("5e", 32) }},
		"no document":    {seal.BadHeader, func(a *seal.Address, h *seal.Header) { *a, *h = baseWith("") }},
		"short document": {seal.BadHeader, func(a *seal.Address, h *seal.Header) { *a, *h = baseWith(strings.Repeat("5e", 31)) }},
		"list that asks": {seal.BadHeader, func(_ *seal.Address, h *seal.Header) { h.Asks = seal.Stop }},
		"asks nothing":   {seal.BadHeader, func(a *seal.Address, h *seal.Header) { *a, *h = requestAddress(), seal.Header{Purpose: seal.Request} }},
		"asks else": {seal.BadHeader, func(a *seal.Address, h *seal.Header) {
			*a, *h = requestAddress(), seal.Header{Purpose: seal.Request, Asks: "else"}
		}},
		"request, column": {seal.BadHeader, func(a *seal.Address, h *seal.Header) {
			*a, *h = requestAddress(), seal.Header{Purpose: seal.Request, Asks: seal.Stop, Identifiers: h.Identifiers}
		}},
		"request, after": {seal.BadHeader, func(a *seal.Address, h *seal.Header) {
			*a, *h = requestAddress(), seal.Header{Purpose: seal.Request, Asks: seal.Stop, After: strings.Repeat("a5", 16)}
		}},
		"request of a list": {seal.BadAddress, func(_ *seal.Address, h *seal.Header) { *h = seal.Header{Purpose: seal.Request, Asks: seal.Stop} }},
		"list of requests":  {seal.BadAddress, func(a *seal.Address, _ *seal.Header) { a.Name = seal.RequestName }},
		"upper case":        {seal.BadHeader, func(a *seal.Address, h *seal.Header) { *a, *h = baseWith(strings.Repeat("5E", 32)) }},
		"not hex":           {seal.BadHeader, func(a *seal.Address, h *seal.Header) { *a, *h = baseWith(strings.Repeat("5g", 32)) }},
	} {
		k := kinds()["list"]
		c.edit(&k.address, &k.header)
		var b bytes.Buffer
		_, err := seal.NewWriter(&b, testKey(t, seal.X25519).Public(), k.address, k.header, seal.WriterOptions{})
		if !errors.Is(err, c.want) || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes written", name, err, b.Len())
		}
	}
	for name, o := range map[string]seal.WriterOptions{
		"short upload key": {Sign: make([]byte, 32)},
		"no randomness":    {Rand: bytes.NewReader(nil)},
	} {
		if _, err := seal.NewWriter(&bytes.Buffer{}, testKey(t, seal.XWing).Public(), good.address, good.header, o); err == nil {
			t.Errorf("%s: sealed", name)
		}
	}
	if _, err := seal.NewWriter(&bytes.Buffer{}, seal.PublicKey{}, good.address, good.header, seal.WriterOptions{}); !errors.Is(err, seal.BadKey) {
		t.Errorf("the zero key: %v", err)
	}
}

// baseWith is a base whose header has that document.
func baseWith(document string) (seal.Address, seal.Header) {
	k := kinds()["base"]
	k.header.Document = document
	return k.address, k.header
}

// largeColumns are within every limit but that of the whole header.
func largeColumns() (out []seal.Column) {
	for i := range 32 {
		c := seal.Column{Name: fmt.Sprint("c", i)}
		for j := range 255 {
			c.Domain = append(c.Domain, fmt.Sprintf("%0500d", j))
		}
		out = append(out, seal.Column{Name: c.Name, Domain: append(c.Domain, "unknown")})
	}
	return out
}

// failing takes so many bytes, then fails.
type failing struct{ left int }

func (f *failing) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errBroken
	}
	return len(b), nil
}

func TestWriterFaults(t *testing.T) {
	key := testKey(t, seal.X25519)
	h, rows, file, at := bigFile(t, key)
	for _, n := range []int{0, at[0], at[0] + 4, at[1], at[2] + 4, len(file) - 1} {
		w, err := seal.NewWriter(&failing{n}, key.Public(), testAddress, h, seal.WriterOptions{})
		if err == nil {
			if err = w.Write(rows); err == nil {
				err = w.Close()
			}
			if again := w.Close(); !errors.Is(again, errBroken) {
				t.Errorf("Close again: %v", again)
			}
		}
		if !errors.Is(err, errBroken) {
			t.Errorf("%d bytes taken: %v", n, err)
		}
	}
}

func TestWriterAfterClose(t *testing.T) {
	k := kinds()["list"]
	var b bytes.Buffer
	w := newWriter(t, &b, k.address, k.header)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(k.rows); !errors.Is(err, seal.Spent) {
		t.Errorf("Write: %v", err)
	}
	if err := w.Close(); !errors.Is(err, seal.Spent) {
		t.Errorf("Close: %v", err)
	}
}
