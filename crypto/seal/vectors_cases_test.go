package seal

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
)

// makeVectors gives the cases of testdata/vectors. Each differs from a good file
// in one thing.
func makeVectors(t *testing.T) []vector {
	list, base, events := crafts()
	listRows, baseRows, eventRows := craftRows()
	list.plain, base.plain, events.plain = list.rows(t, listRows), base.rows(t, baseRows), events.rows(t, eventRows)

	xwing := list
	xwing.suite = XWing
	signed := list
	signed.sign = 9
	empty := list
	empty.plain = [][]byte{nil}
	add, remove := list, list
	add.header.Change, add.header.After = Add, hex.EncodeToString([]byte("upload-0000-0000"))
	remove.header.Change, remove.header.Columns = Remove, nil
	keyed := list
	keyed.header.Keyed = true
	keyedRows := slices.Clone(listRows)
	for i := range keyedRows {
		keyedRows[i].User = []byte{'k', byte(i), 0xFF}
	}
	keyed.plain = keyed.rows(t, keyedRows)
	removeRows := []Row{{Identifiers: listRows[0].Identifiers}, {Identifiers: listRows[1].Identifiers}}
	remove.plain = remove.rows(t, removeRows)
	dated := events
	dated.header.From, dated.header.To, dated.header.Change, dated.header.After = 20_500, 20_529, Instead, add.header.After
	datedRows := []Row{eventRows[0]}
	dated.plain = dated.rows(t, datedRows)
	listed := events
	listed.header.Identifiers, listed.header.List = nil, "members"
	listedRows := []Row{{Codes: eventRows[0].Codes, Event: eventRows[0].Event}}
	listed.plain = listed.rows(t, listedRows)
	next := base
	next.header.After = add.header.After
	ask := craft{suite: X25519, addr: BaseAddress("operator", [16]byte([]byte("upload-0000-0004"))), header: Header{Purpose: Request, Asks: Stop}}
	ask.addr.Name = RequestName
	askRows, err := RequestOf([][]byte{[]byte("u-1"), {0xFF, 0}})
	if err != nil {
		t.Fatal(err)
	}
	ask.plain = ask.rows(t, askRows)
	two := list
	two.plain = list.rows(t, listRows[:1], listRows[1:])

	out := []vector{
		{name: "ok-list-xwing", comment: "a list, X-Wing", craft: xwing, rows: listRows, resealed: true},
		{name: "ok-list-x25519", comment: "a list, X25519", craft: list, rows: listRows, resealed: true},
		{name: "ok-list-signed", comment: "signed by the pinned upload key", craft: signed, rows: listRows, resealed: true, pin: 9},
		{name: "ok-list-signed-not-pinned", comment: "a signature is not looked at where no key is pinned", craft: signed, rows: listRows, resealed: true},
		{name: "ok-list-add", comment: "rows that a list gets besides those it has, after a certain file", craft: add, rows: listRows, resealed: true},
		{name: "ok-list-remove", comment: "people who are taken off a list: no columns", craft: remove, rows: removeRows, resealed: true},
		{name: "ok-list-keyed", comment: "a list with its party's own keys: any bytes", craft: keyed, rows: keyedRows, resealed: true},
		{name: "ok-base", comment: "a base: user keys are any bytes", craft: base, rows: baseRows, resealed: true},
		{name: "ok-base-next", comment: "a base, after a certain file", craft: next, rows: baseRows, resealed: true},
		{name: "ok-events", comment: "an event log: by user key and by identifier", craft: events, rows: eventRows, resealed: true},
		{name: "ok-events-of-a-period", comment: "an event log of 30 days, in place of those before it, after a certain file", craft: dated, rows: datedRows, resealed: true},
		{name: "ok-events-of-a-list", comment: "an event log by the keys of a list's party", craft: listed, rows: listedRows, resealed: true},
		{name: "ok-request", comment: "what a data subject with two user keys asks: 16 rows of one size", craft: ask, rows: askRows, resealed: true},
		{name: "ok-no-rows", comment: "no rows: one record, empty and final", craft: empty, resealed: true},
		{name: "ok-two-records", comment: "a writer may cut records where it likes, between rows", craft: two, rows: listRows},
		{name: "ok-any-upload", comment: "an upload id of zeros asks for any", craft: list, rows: listRows, ask: func(a *Address) { a.Upload = [16]byte{} }},
	}
	for i := range out {
		out[i].expect = "ok"
	}
	bad := func(name string, r Reason, comment string, c craft) *vector {
		out = append(out, vector{name: name, expect: string(r), comment: comment, craft: c})
		return &out[len(out)-1]
	}
	bad("other-entrustment", OtherEntrustment, "asked for under another entrustment", list).ask = func(a *Address) { a.Entrustment = "summer-2026" }
	bad("other-version", OtherVersion, "asked for under another version", list).ask = func(a *Address) { a.Version = 4 }
	bad("other-party", OtherParty, "asked for as another party's", list).ask = func(a *Address) { a.Party = "beta" }
	bad("other-name", OtherName, "asked for as another list", list).ask = func(a *Address) { a.Name = "guests" }
	bad("other-upload", OtherUpload, "asked for under another upload id", list).ask = func(a *Address) { a.Upload[0]++ }
	schema := list.header
	schema.Columns = []Column{{"rank", []string{"silver", "金", "unknown"}}}
	bad("other-schema", OtherSchema, "the same values in another order", list).schema = &schema
	bad("other-keyed", OtherSchema, "asked for as a list without keys", keyed).schema = &list.header
	bad("other-change", OtherSchema, "asked for as rows that replace a list", add).schema = &list.header
	bad("other-list", OtherSchema, "keys of another list's party", listed).schema = headerWith(listed.header, func(h *Header) { h.List = "guests" })
	document, unit := base.header, events.header
	document.Document = strings.Repeat("5f", 32)
	unit.Unit = "count"
	bad("other-document", OtherSchema, "made by another base.yaml", base).schema = &document
	bad("other-unit", OtherSchema, "values in another unit", events).schema = &unit
	bad("other-suite", OtherSuite, "the key is of the other suite", list).suite = XWing
	bad("other-key", NotOpened, "another key, X25519", list).otherKey = true
	bad("other-key-xwing", NotOpened, "another key, X-Wing: the KEM itself does not tell", xwing).otherKey = true
	bad("not-signed", NotSigned, "an upload key is pinned, the signature was taken out", list).pin = 9
	bad("bad-signature", BadSignature, "signed by another key than the pinned one", signed).pin = 8
	altered := signed
	altered.after = func(b []byte, at []int) []byte { b[at[2]-1] ^= 1; return b }
	bad("bad-signature-encapsulated-key", BadSignature, "the signature covers the encapsulated key", altered).pin = 9

	out = append(out, headVectors(list)...)
	out = append(out, headerVectors(list)...)
	out = append(out, headerEndVectors(base, events, listed, ask)...)
	out = append(out, recordVectors(list, two)...)
	return append(out, rowVectors(list, keyed, base, events, dated, ask)...)
}

// headerWith gives a changed copy.
func headerWith(h Header, change func(*Header)) *Header { change(&h); return &h }

// edit gives cases that differ from a good file in some of its bytes.
func edit(c craft, name string, r Reason, comment string, f func(b []byte, at []int) []byte) vector {
	c.after = f
	return vector{name: name, expect: string(r), comment: comment, craft: c}
}

func headVectors(list craft) []vector {
	set16 := func(where func(at []int) int, v uint16) func(b []byte, at []int) []byte {
		return func(b []byte, at []int) []byte { binary.BigEndian.PutUint16(b[where(at):], v); return b }
	}
	return []vector{
		edit(list, "head-magic", NotSealed, "AWASEAL2", func(b []byte, _ []int) []byte { b[7] = '2'; return b }),
		edit(list, "head-kem", UnknownSuite, "DHKEM(P-256)", set16(func([]int) int { return 8 }, 0x10)),
		edit(list, "head-kdf", UnknownSuite, "HKDF-SHA512", set16(func([]int) int { return 10 }, 3)),
		edit(list, "head-aead", UnknownSuite, "AES-128-GCM", set16(func([]int) int { return 12 }, 1)),
		edit(list, "head-header-long", MalformedHead, "a header of 2 MiB and a byte", func(b []byte, _ []int) []byte {
			binary.BigEndian.PutUint32(b[14:], MaxHeader+1)
			return b
		}),
		edit(list, "head-enc-short", MalformedHead, "an encapsulated key of 31 bytes", set16(func(at []int) int { return at[1] }, 31)),
		edit(list, "head-enc-other", NotOpened, "another encapsulated key", func(b []byte, at []int) []byte { b[at[2]-1] ^= 1; return b }),
		edit(list, "head-enc-zero", NotOpened, "a point of small order", func(b []byte, at []int) []byte {
			clear(b[at[2]-32 : at[2]])
			return b
		}),
		edit(list, "head-signature-short", MalformedHead, "a signature of 63 bytes", set16(func(at []int) int { return at[2] }, 63)),
		edit(list, "head-ends", Truncated, "ends inside the header", func(b []byte, at []int) []byte { return b[:at[0]+10] }),
		edit(list, "head-only", Truncated, "a head and no record", func(b []byte, at []int) []byte { return b[:at[3]] }),
		edit(list, "head-empty", Truncated, "no bytes", func([]byte, []int) []byte { return nil }),
	}
}

func headerVectors(list craft) []vector {
	const end = 1 + 1 + 16 // the change, whether it is keyed, and the upload id of the file before
	alter := func(name, comment string, f func(b []byte) []byte) vector {
		c := list
		c.canon = f
		return vector{name: "header-" + name, expect: string(MalformedHeader), comment: comment, craft: c}
	}
	swap := func(name, comment, from, to string) vector {
		return alter(name, comment, func(b []byte) []byte {
			if !bytes.Contains(b, []byte(from)) {
				panic("vector " + name + " alters nothing")
			}
			return bytes.Replace(b, []byte(from), []byte(to), 1)
		})
	}
	return []vector{
		alter("version", "format version 1", func(b []byte) []byte { b[1] = 1; return b }),
		alter("purpose", "purpose 0", func(b []byte) []byte { b[2] = 0; return b }),
		alter("purpose-base", "a base under an entrustment", func(b []byte) []byte { b[2] = 1; return b }),
		alter("trailing", "a byte behind the upload id of the file before", func(b []byte) []byte { return append(b, 0) }),
		alter("ends", "no count of event types", func(b []byte) []byte { return b[:len(b)-end-2] }),
		alter("change", "a fourth change", func(b []byte) []byte { b[len(b)-end] = 3; return b }),
		alter("change-none", "a list without what it does", func(b []byte) []byte { return b[:len(b)-end] }),
		alter("change-columns", "rows that remove, with a column", func(b []byte) []byte { b[len(b)-end] = 2; return b }),
		alter("keyed", "neither keyed nor not", func(b []byte) []byte { b[len(b)-end+1] = 2; return b }),
		alter("keyed-remove", "rows that remove, keyed", func(b []byte) []byte {
			b = bytes.Replace(b, []byte("\x00\x01\x00\x04rank\x00\x03\x00\x06silver\x00\x03金\x00\x07unknown"), []byte{0, 0}, 1)
			b[len(b)-end], b[len(b)-end+1] = 2, 1
			return b
		}),
		alter("after-short", "an upload id of 15 bytes", func(b []byte) []byte { return b[:len(b)-1] }),
		alter("count", "65,535 channels", func(b []byte) []byte { b[len(b)-end-4], b[len(b)-end-3] = 0xFF, 0xFF; return b }),
		swap("id", "an entrustment that is no id", "spring-2026", "Spring-2026"),
		swap("reserved", "an event log's name for a list", "\x00\x07members", "\x00\x07@events"),
		swap("upload", "an upload id of zeros", "upload-0000-0001", string(make([]byte, 16))),
		swap("entrustment-version", "version 0", "\x00\x00\x00\x03\x00\x04acme", "\x00\x00\x00\x00\x00\x04acme"),
		swap("unknown", "a domain whose last value is not unknown", "unknown", "Unknown"),
		swap("value-twice", "a value of a domain twice", "\x00\x06silver", "\x00\x03金"),
		swap("value-empty", "an empty value", "\x00\x06silver", "\x00\x00"),
		swap("control", "a control character", "silver", "sil\nver"),
		swap("utf8", "a name that is not UTF-8", "rank", "ran\xE9"),
		swap("kind", "an identifier column without a kind", "\x00\x05email", "\x00\x00"),
		swap("column-twice", "an identifier column twice", "\x00\x06cookie\x00\x0bcareer-site", "\x00\x05email\x00\x00"),
		alter("channels", "a list with a channel", func(b []byte) []byte {
			return slices.Concat(b[:len(b)-end-4], []byte("\x00\x01\x00\x04mail\x00\x00"), make([]byte, end))
		}),
		alter("events", "a list with an event type", func(b []byte) []byte {
			return slices.Concat(b[:len(b)-end-2], []byte("\x00\x01\x00\x05click\x00\x01x"), make([]byte, end))
		}),
	}
}

// headerEndVectors are of what only a base or an event log has.
func headerEndVectors(base, events, listed, ask craft) []vector {
	alter := func(c craft, name, comment string, f func(b []byte) []byte) vector {
		c.canon = f
		return vector{name: "header-" + name, expect: string(MalformedHeader), comment: comment, craft: c}
	}
	const end = 1 + 2 + 16 // the change, no list, and the upload id of the file before
	const name = len("members") + 16
	return []vector{
		alter(base, "document-none", "a base without its document's hash", func(b []byte) []byte { return slices.Delete(b, len(b)-16-32, len(b)-16) }),
		alter(base, "document-short", "a hash of 31 bytes", func(b []byte) []byte { return slices.Delete(b, len(b)-16-1, len(b)-16) }),
		alter(events, "unit-none", "an event log without the text", func(b []byte) []byte { return slices.Delete(b, len(b)-end-13, len(b)-end-8) }),
		alter(events, "unit-control", "a control character in the unit", func(b []byte) []byte { b[len(b)-end-9] = '\n'; return b }),
		alter(events, "period-none", "an event log without the days", func(b []byte) []byte { return slices.Delete(b, len(b)-end-8, len(b)-end) }),
		alter(events, "period-half", "a last day without a first", func(b []byte) []byte { b[len(b)-end-1] = 1; return b }),
		alter(events, "period-back", "the last day before the first", func(b []byte) []byte { b[len(b)-end-5], b[len(b)-end-1] = 2, 1; return b }),
		alter(events, "period-negative", "days before 1970", func(b []byte) []byte { copy(b[len(b)-end-8:], "\xff\xff\xff\xff\xff\xff\xff\xff"); return b }),
		alter(events, "list-none", "an event log without the text of a list", func(b []byte) []byte { return slices.Delete(b, len(b)-16-2, len(b)-16) }),
		alter(listed, "list-id", "a list that is no id", func(b []byte) []byte { b[len(b)-name] = 'M'; return b }),
		alter(events, "list-identifiers", "keys of a list's party beside identifier columns", func(b []byte) []byte {
			return slices.Concat(b[:len(b)-16-2], []byte("\x00\x07members"), make([]byte, 16))
		}),
		alter(listed, "list-own", "keys of a list's party in the operator's own log", func(b []byte) []byte {
			return bytes.Replace(b, []byte("\x00\x0bspring-2026\x00\x00\x00\x03"), []byte("\x00\x05@base\x00\x00\x00\x00"), 1)
		}),
		alter(events, "instead", "a change that event logs don't have", func(b []byte) []byte { b[len(b)-end] = 2; return b }),
		alter(ask, "asks", "a seventh kind of request", func(b []byte) []byte { b[len(b)-16-1] = 7; return b }),
		alter(ask, "asks-nothing", "a request for nothing", func(b []byte) []byte { b[len(b)-16-1] = 0; return b }),
		alter(ask, "request-after", "a request that follows a file", func(b []byte) []byte { b[len(b)-1] = 1; return b }),
		alter(events, "log-after-none", "an event log without the file before", func(b []byte) []byte { return b[:len(b)-16] }),
	}
}

func recordVectors(list, two craft) []vector {
	var long craft = list
	long.plain = [][]byte{list.plain[0], nil}
	cut := func(b []byte, at []int) (head, one, last []byte) { return b[:at[3]], b[at[3]:at[4]], b[at[4]:at[5]] }
	return []vector{
		edit(two, "record-flipped", NotOpened, "a bit of the last tag", func(b []byte, _ []int) []byte { b[len(b)-1] ^= 1; return b }),
		edit(two, "record-dropped", NotOpened, "the first record is missing", func(b []byte, at []int) []byte {
			head, _, last := cut(b, at)
			return slices.Concat(head, last)
		}),
		edit(two, "record-repeated", NotOpened, "the first record twice", func(b []byte, at []int) []byte {
			head, one, last := cut(b, at)
			return slices.Concat(head, one, one, last)
		}),
		edit(two, "record-reordered", NotOpened, "the records in the other order, flags put right", func(b []byte, at []int) []byte {
			head, one, last := cut(b, at)
			b = slices.Concat(head, last, one)
			b[at[3]] ^= 0x80
			b[at[3]+len(last)] ^= 0x80
			return b
		}),
		edit(two, "record-final-early", NotOpened, "the first record marked final, the rest cut off", func(b []byte, at []int) []byte {
			b[at[3]] |= 0x80
			return b[:at[4]]
		}),
		edit(two, "record-not-final", NotOpened, "the last record's flag taken away", func(b []byte, at []int) []byte { b[at[4]] &^= 0x80; return b }),
		edit(two, "record-missing", Truncated, "ends after the first record", func(b []byte, at []int) []byte { return b[:at[4]] }),
		edit(two, "record-ends", Truncated, "ends inside the last record", func(b []byte, _ []int) []byte { return b[:len(b)-1] }),
		edit(two, "record-length-ends", Truncated, "ends inside a length", func(b []byte, at []int) []byte { return b[:at[4]+2] }),
		edit(two, "record-trailing", TrailingBytes, "a byte behind the final record", func(b []byte, _ []int) []byte { return append(b, 0) }),
		edit(two, "record-short", MalformedRecord, "a record shorter than a tag", func(b []byte, at []int) []byte {
			binary.BigEndian.PutUint32(b[at[3]:], 15)
			return b
		}),
		edit(two, "record-long", MalformedRecord, "a record over 1 MiB", func(b []byte, at []int) []byte {
			binary.BigEndian.PutUint32(b[at[3]:], MaxRecord+1)
			return b
		}),
		{name: "record-empty", expect: string(MalformedRecord), comment: "an empty record that is not the only one", craft: long},
	}
}

func rowVectors(list, keyed, base, events, dated, ask craft) []vector {
	alter := func(c craft, name, comment string, f func(b []byte) []byte) vector {
		c.plain = [][]byte{f(slices.Clone(c.plain[0]))}
		return vector{name: "row-" + name, expect: string(MalformedRecord), comment: comment, craft: c}
	}
	set := func(at int, v byte) func(b []byte) []byte {
		return func(b []byte) []byte { b[at] = v; return b }
	}
	// Offsets: the base's first row is 1 + 34 identifiers, 1 code, flags, user key…
	const baseFlags = 1 + 34 + 1
	return []vector{
		alter(list, "code", "a code outside its domain", set(35, 3)),
		alter(list, "column", "an identifier of a third column", set(1, 2)),
		alter(list, "none", "a list's row without identifiers", func([]byte) []byte { return []byte{0, 0} }),
		alter(list, "ends", "ends inside a row", func(b []byte) []byte { return b[:len(b)-1] }),
		alter(list, "trailing", "a byte behind the last row", func(b []byte) []byte { return append(b, 1) }),
		alter(keyed, "list-key-none", "a keyed list's row without a key", func(b []byte) []byte { return append(b[:36], 0, 0) }),
		alter(keyed, "list-key-long", "a key of 513 bytes", func(b []byte) []byte { return append(append(b[:36], 2, 1), make([]byte, 513)...) }),
		alter(keyed, "list-key-ends", "ends inside a key", func(b []byte) []byte { return append(b[:36], 0, 3, 'k') }),
		alter(base, "flags", "a flag that there is none of", set(baseFlags, 4)),
		alter(base, "key-empty", "a person without a user key", func(b []byte) []byte {
			return slices.Concat(b[:baseFlags+1], []byte{0, 0}, b[baseFlags+1+2+3:])
		}),
		alter(base, "key-long", "a user key of 513 bytes", func(b []byte) []byte {
			return slices.Concat(b[:baseFlags+1], []byte{2, 1}, make([]byte, 513), b[baseFlags+1+2+3:])
		}),
		alter(base, "channel", "a third channel", func(b []byte) []byte { b[len(b)-1-4] = 4; return b }),
		alter(base, "consent", "a day of consent before 1970", func(b []byte) []byte { b[len(b)-4] = 0x80; return b }),
		alter(ask, "user-long", "a user key of 513 bytes", set(1, 2)),
		alter(ask, "user-padding", "a byte behind a user key", set(1+2+3, 1)),
		alter(ask, "user-identifier", "a request with an identifier", set(0, 1)),
		alter(events, "type", "a third event type", set(1+1+2+3+4, 2)),
		alter(dated, "period", "a day after the period's last", func(b []byte) []byte { copy(b[1+1+2+3:], "\x00\x00\x50\x32"); return b }),
		alter(events, "nobody", "neither user key nor identifier", func(b []byte) []byte {
			return slices.Concat([]byte{0, 0, 0, 0}, b[1+1+2+3:])
		}),
	}
}
