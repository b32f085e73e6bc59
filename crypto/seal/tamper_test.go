package seal_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"awase/crypto/seal"
)

// kinds are small files of each purpose.
func kinds() map[string]struct {
	address seal.Address
	header  seal.Header
	rows    []seal.Row
} {
	type file = struct {
		address seal.Address
		header  seal.Header
		rows    []seal.Row
	}
	hash := [32]byte{1, 2, 3}
	column := []seal.Column{{Name: "band", Domain: []string{"a", "unknown"}}}
	identifiers := []seal.IdentifierColumn{{Kind: "email"}}
	logAddress := testAddress
	logAddress.Name = seal.EventsName
	return map[string]file{
		"list": {testAddress, seal.Header{Purpose: seal.List, Identifiers: identifiers, Columns: column}, []seal.Row{
			{Identifiers: []seal.Identifier{{Hash: hash}}, Codes: []uint8{1}},
			{Identifiers: []seal.Identifier{{Hash: hash}, {Class: 2}}, Codes: []uint8{0}},
		}},
		"add": {testAddress, seal.Header{Purpose: seal.List, Identifiers: identifiers, Columns: column, Change: seal.Add, After: "000000000000000000000000000000a5"}, []seal.Row{
			{Identifiers: []seal.Identifier{{Hash: hash}}, Codes: []uint8{1}},
		}},
		"keyed": {testAddress, seal.Header{Purpose: seal.List, Identifiers: identifiers, Keyed: true}, []seal.Row{
			{Identifiers: []seal.Identifier{{Hash: hash}}, User: []byte("p-1")},
		}},
		"remove": {testAddress, seal.Header{Purpose: seal.List, Identifiers: identifiers, Change: seal.Remove}, []seal.Row{
			{Identifiers: []seal.Identifier{{Hash: hash}}},
		}},
		"base": {seal.BaseAddress("operator", testAddress.Upload), seal.Header{Purpose: seal.Base, Identifiers: identifiers, Columns: column, Channels: []string{"mail"}, Document: strings.Repeat("5e", 32)}, []seal.Row{
			{Identifiers: []seal.Identifier{{Hash: hash}}, Codes: []uint8{1}, Person: &seal.Person{Key: []byte("u1"), Verified: true, PolicyVersion: "1", Channels: 1, Consent: 20000}},
			{Codes: []uint8{0}, Person: &seal.Person{Key: []byte("u2"), Service: "jobs", EnquiryOnly: true}},
		}},
		"next base": {seal.BaseAddress("operator", testAddress.Upload), seal.Header{Purpose: seal.Base, Identifiers: identifiers, Document: strings.Repeat("5e", 32), After: "000000000000000000000000000000a5"}, []seal.Row{
			{Person: &seal.Person{Key: []byte("u1")}},
		}},
		"events": {logAddress, seal.Header{Purpose: seal.Events, Columns: column, Events: []seal.EventType{{Kind: "click", Category: "c"}}, Unit: "count"}, []seal.Row{
			{Codes: []uint8{1}, Event: &seal.Event{Key: []byte("u1"), Day: 20000, Value: 12}},
		}},
		"log": {logAddress, seal.Header{Purpose: seal.Events, Events: []seal.EventType{{Kind: "click", Category: "c"}}, From: 20000, To: 20001, Change: seal.Instead, After: "000000000000000000000000000000a5"}, []seal.Row{
			{Event: &seal.Event{Key: []byte("u1"), Day: 20000}},
		}},
		"listed": {logAddress, seal.Header{Purpose: seal.Events, Events: []seal.EventType{{Kind: "click", Category: "c"}}, List: "members"}, []seal.Row{
			{Event: &seal.Event{Key: []byte("p-1"), Day: 20000}},
		}},
		"request": {requestAddress(), seal.Header{Purpose: seal.Request, Asks: seal.Stop}, []seal.Row{{User: []byte("u1")}, {}}},
	}
}

// Every byte of a small file matters, whatever it is changed to.
func TestEveryByteMatters(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			key, sign := testKey(t, seal.X25519), uploadKey(4)
			file := sealFile(t, key, k.address, k.header, k.rows, sign)
			pin := sign.Public().(ed25519.PublicKey)
			if _, err := openFile(file, key, k.address, &k.header, pin); err != nil {
				t.Fatal(err)
			}
			// Where no key is pinned the signature is not looked at; everything else is.
			unsigned := sealFile(t, key, k.address, k.header, k.rows, nil)
			for i := range file {
				for _, flip := range []byte{1, 0x80, 0xFF} {
					bad := bytes.Clone(file)
					bad[i] ^= flip
					if _, err := openFile(bad, key, k.address, &k.header, pin); err == nil {
						t.Fatalf("opens with byte %d changed by %#x", i, flip)
					}
					if i >= len(unsigned) {
						continue
					}
					bad = bytes.Clone(unsigned)
					bad[i] ^= flip
					if _, err := openFile(bad, key, k.address, nil, nil); err == nil {
						t.Fatalf("unsigned opens with byte %d changed by %#x", i, flip)
					}
				}
			}
			for n := range file {
				if _, err := openFile(file[:n], key, k.address, &k.header, pin); !errors.Is(err, seal.Truncated) {
					t.Fatalf("cut to %d bytes: %v", n, err)
				}
			}
		})
	}
}

// bigFile is of several records; at are their offsets and the end.
func bigFile(t *testing.T, key seal.PrivateKey) (h seal.Header, rows []seal.Row, file []byte, at []int) {
	h, rows = benchRows(60_000)
	file = sealFile(t, key, testAddress, h, rows, nil)
	r := bytes.NewReader(file)
	if _, err := seal.ReadHead(r); err != nil {
		t.Fatal(err)
	}
	for i := len(file) - r.Len(); i < len(file); i += 4 + int(binary.BigEndian.Uint32(file[i:])&^(1<<31)) {
		at = append(at, i)
	}
	if at = append(at, len(file)); len(at) < 5 {
		t.Fatalf("%d records, want at least 4", len(at)-1)
	}
	return h, rows, file, at
}

func TestRecordsOfALargeFile(t *testing.T) {
	key := testKey(t, seal.XWing)
	h, rows, file, at := bigFile(t, key)
	got, err := openFile(file, key, testAddress, &h, nil)
	if err != nil {
		t.Fatal(err)
	}
	sameRows(t, got, rows)

	must := func(what string, bad []byte, reasons ...seal.Reason) {
		t.Helper()
		_, err := openFile(bad, key, testAddress, &h, nil)
		for _, r := range reasons {
			if errors.Is(err, r) {
				return
			}
		}
		t.Errorf("%s: %v, want one of %q", what, err, reasons)
	}
	record := func(i int) []byte { return file[at[i]:at[i+1]] }
	records := len(at) - 1
	join := func(order ...int) []byte {
		b := bytes.Clone(file[:at[0]])
		for _, i := range order {
			b = append(b, record(i)...)
		}
		return b
	}
	all := make([]int, records)
	for i := range all {
		all[i] = i
	}
	for i := range records {
		dropped := append(append([]int(nil), all[:i]...), all[i+1:]...)
		repeated := append(append([]int(nil), all[:i+1]...), all[i:]...)
		if i == records-1 {
			must("last dropped", join(dropped...), seal.Truncated)
			must("last repeated", join(repeated...), seal.TrailingBytes)
		} else {
			must("dropped", join(dropped...), seal.NotOpened)
			must("repeated", join(repeated...), seal.NotOpened)
			swapped := append([]int(nil), all...)
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			must("swapped", join(swapped...), seal.NotOpened)
		}
		for _, n := range []int{at[i], at[i] + 3, at[i] + 4, at[i] + 5, at[i+1] - 1} {
			must("cut", file[:n], seal.Truncated)
		}
		for _, n := range []int{at[i] + 4, at[i] + 4 + 1<<10, at[i+1] - 1} {
			bad := bytes.Clone(file)
			bad[n] ^= 0x10
			must("flipped", bad, seal.NotOpened)
		}
	}
	must("byte added", append(bytes.Clone(file), 0), seal.TrailingBytes)
	must("file added", append(bytes.Clone(file), file...), seal.TrailingBytes)

	other := sealFile(t, key, testAddress, h, rows, nil)
	must("records of another file", append(bytes.Clone(file[:at[0]]), other[at[0]:]...), seal.NotOpened)
}

// Every part of the address and of the header is bound, whoever asks.
func TestOpensAtItsAddressOnly(t *testing.T) {
	key := testKey(t, seal.XWing)
	k := kinds()["list"]
	file := sealFile(t, key, k.address, k.header, k.rows, nil)
	open := func(a seal.Address, h *seal.Header) error {
		_, err := openFile(file, key, a, h, nil)
		return err
	}
	for reason, change := range map[seal.Reason]func(*seal.Address){
		seal.OtherEntrustment: func(a *seal.Address) { a.Entrustment = seal.BaseEntrustment },
		seal.OtherVersion:     func(a *seal.Address) { a.Version++ },
		seal.OtherParty:       func(a *seal.Address) { a.Party = "" },
		seal.OtherName:        func(a *seal.Address) { a.Name += "x" },
		seal.OtherUpload:      func(a *seal.Address) { a.Upload[15]++ },
	} {
		a := k.address
		change(&a)
		if err := open(a, &k.header); !errors.Is(err, reason) {
			t.Errorf("%v, want %v", err, reason)
		}
	}
	for name, change := range map[string]func(*seal.Header){
		"purpose":   func(h *seal.Header) { h.Purpose = seal.Events },
		"kind":      func(h *seal.Header) { h.Identifiers = []seal.IdentifierColumn{{Kind: "phone"}} },
		"namespace": func(h *seal.Header) { h.Identifiers = []seal.IdentifierColumn{{Kind: "email", Namespace: "x"}} },
		"one more":  func(h *seal.Header) { h.Identifiers = append(h.Identifiers, seal.IdentifierColumn{Kind: "maid"}) },
		"column":    func(h *seal.Header) { h.Columns = nil },
		"change":    func(h *seal.Header) { h.Change = seal.Add },
		"after":     func(h *seal.Header) { h.After = "000000000000000000000000000000a5" },
		"domain": func(h *seal.Header) {
			h.Columns = []seal.Column{{Name: "band", Domain: []string{"b", "unknown"}}}
		},
		"nothing": func(h *seal.Header) { *h = seal.Header{} },
	} {
		h := k.header
		change(&h)
		if err := open(k.address, &h); !errors.Is(err, seal.OtherSchema) {
			t.Errorf("%s: %v", name, err)
		}
	}
	any := k.address
	any.Upload = [16]byte{}
	if err := open(any, nil); err != nil {
		t.Errorf("any upload, any header: %v", err)
	}
}

// A header that may be sealed in place of the one that was doesn't open its rows,
// even for a reader that asks for no header.
func TestEndOfTheHeaderIsBound(t *testing.T) {
	key := testKey(t, seal.X25519)
	for kind, change := range map[string]struct {
		from, to []byte
		edit     func(*seal.Header)
	}{
		"events": {[]byte("count"), []byte("coins"), func(h *seal.Header) { h.Unit = "coins" }},
		"base":   {bytes.Repeat([]byte{0x5e}, 32), bytes.Repeat([]byte{0x5f}, 32), func(h *seal.Header) { h.Document = strings.Repeat("5f", 32) }},
		// The change and the file before stand before the encapsulated key's length,
		// 32. A carrier that could turn them would make of people to be taken off a
		// list its members, or bring files in another order.
		"add": {[]byte{0xa5, 0, 32}, []byte{0xa6, 0, 32}, func(h *seal.Header) { h.After = "000000000000000000000000000000a6" }},
		// Likewise of a base that was kept back, and of an event log.
		"next base": {[]byte{0xa5, 0, 32}, []byte{0xa6, 0, 32}, func(h *seal.Header) { h.After = "000000000000000000000000000000a6" }},
		"log":       {[]byte{0xa5, 0, 32}, []byte{0xa6, 0, 32}, func(h *seal.Header) { h.After = "000000000000000000000000000000a6" }},
		// A carrier that could turn the list would hand one person's events to another.
		"listed": {[]byte("\x00\x07members"), []byte("\x00\x07leavers"), func(h *seal.Header) { h.List = "leavers" }},
		"remove": {slices.Concat([]byte{2}, make([]byte, 18), []byte{32}), slices.Concat([]byte{1}, make([]byte, 18), []byte{32}),
			func(h *seal.Header) { h.Change = seal.Add }},
		"keyed": {slices.Concat([]byte{0, 1}, make([]byte, 17), []byte{32}), slices.Concat([]byte{1, 0}, make([]byte, 17), []byte{32}),
			func(h *seal.Header) { h.Change, h.Keyed = seal.Add, false }},
	} {
		k := kinds()[kind]
		file := sealFile(t, key, k.address, k.header, k.rows, nil)
		other := k.header
		change.edit(&other)
		if _, err := openFile(file, key, k.address, &other, nil); !errors.Is(err, seal.OtherSchema) {
			t.Errorf("%s, asked for with another: %v", kind, err)
		}
		bad := bytes.Replace(file, change.from, change.to, 1)
		if head, err := seal.ReadHead(bytes.NewReader(bad)); err != nil || fmt.Sprint(head.Header) != fmt.Sprint(other) {
			t.Fatalf("%s: the head does not tell the other, %v", kind, err)
		}
		for _, ask := range []*seal.Header{nil, &other} {
			if _, err := openFile(bad, key, k.address, ask, nil); !errors.Is(err, seal.NotOpened) {
				t.Errorf("%s, rewritten: %v", kind, err)
			}
		}
	}
}

func TestRowsOnceAndEarlyEnd(t *testing.T) {
	key := testKey(t, seal.X25519)
	h, _, file, _ := bigFile(t, key)
	f, err := seal.Open(bytes.NewReader(file), key, testAddress, &h, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range f.Rows() {
		break
	}
	if _, err := allRows(f); !errors.Is(err, seal.Spent) {
		t.Errorf("read twice: %v", err)
	}
}

// After an error the sequence ends, and rows that came before don't hide it.
func TestErrorEndsTheRows(t *testing.T) {
	key := testKey(t, seal.X25519)
	h, _, file, at := bigFile(t, key)
	file[at[2]+100] ^= 1
	f, err := seal.Open(bytes.NewReader(file), key, testAddress, &h, nil)
	if err != nil {
		t.Fatal(err)
	}
	errs, after := 0, 0
	for _, err := range f.Rows() {
		if errs > 0 {
			after++
		}
		if err != nil {
			errs++
		}
	}
	if errs != 1 || after != 0 {
		t.Errorf("%d errors, %d batches after the first", errs, after)
	}
}

func TestReaderFaults(t *testing.T) {
	key := testKey(t, seal.X25519)
	h, rows, file, at := bigFile(t, key)
	for name, r := range map[string]io.Reader{
		"one byte": iotest.OneByteReader(bytes.NewReader(file)),
		"data err": iotest.DataErrReader(bytes.NewReader(file)),
		"half":     iotest.HalfReader(bytes.NewReader(file)),
	} {
		f, err := seal.Open(r, key, testAddress, &h, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := allRows(f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		sameRows(t, got, rows)
	}
	for _, n := range []int{0, 9, at[0], at[1] + 2, at[2] - 1, len(file)} {
		r := io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(errBroken))
		f, err := seal.Open(r, key, testAddress, &h, nil)
		if err == nil {
			_, err = allRows(f)
		}
		if !errors.Is(err, errBroken) {
			t.Errorf("the reader fails after %d bytes: %v", n, err)
		}
	}
}

var errBroken = errors.New("broken line")

// No error shows a name, a value or a key of the file.
func TestErrorsShowNoContent(t *testing.T) {
	key := testKey(t, seal.X25519)
	k := kinds()["base"]
	k.header.Channels = []string{"CANARY-channel"}
	k.header.Columns = []seal.Column{{Name: "CANARY-column", Domain: []string{"CANARY-value", "unknown"}}}
	k.rows[0].Person.Key, k.rows[0].Person.Service = []byte("CANARY-key"), "CANARY-service"
	file := sealFile(t, key, k.address, k.header, k.rows, nil)
	for i := range file {
		bad := bytes.Clone(file)
		bad[i] ^= 0x20
		_, err := openFile(bad, key, k.address, nil, nil)
		if err == nil || strings.Contains(strings.ToUpper(err.Error()), "CANARY") {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}

func requestAddress() seal.Address {
	a := seal.BaseAddress("operator", testAddress.Upload)
	a.Name = seal.RequestName
	return a
}
