package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a header.
const (
	MaxHeader  = 2 << 20 // bytes of its encoding
	maxText    = 512     // bytes of a name or value
	maxColumns = 256     // identifier columns, and value columns; positions are one byte
	maxDomain  = 256     // values of a column; codes are one byte
	maxShort   = 64      // channels, and event types
)

// formatVersion begins the canonical header.
const formatVersion = 3

// unknown is the last value of every domain.
const unknown = "unknown"

var purposes = []Purpose{1: Base, 2: List, 3: Events, 4: Request}

var changes = map[Purpose][]Change{Base: {""}, List: {Replace, Add, Remove}, Events: {"", Instead}, Request: {""}}

// appendHeader appends the canonical header, docs/format.md §2. A Header and an
// Address that may not be sealed are refused.
func appendHeader(b []byte, a *Address, h *Header) ([]byte, error) {
	if d := h.fault(); d != "" {
		return nil, refuse(BadHeader, d)
	}
	if d := a.fault(h); d != "" {
		return nil, refuse(BadAddress, d)
	}
	b = binary.BigEndian.AppendUint16(b, formatVersion)
	b = append(b, purposeCode(h.Purpose))
	b = appendText(b, a.Entrustment)
	b = binary.BigEndian.AppendUint32(b, uint32(a.Version))
	b = appendText(appendText(b, a.Party), a.Name)
	b = append(b, a.Upload[:]...)
	b = appendSchema(b, h)
	if len(b) > MaxHeader {
		return nil, refuse(BadHeader, "over 2 MiB")
	}
	return b, nil
}

// appendSchema appends what of the header is h and not the purpose.
func appendSchema(b []byte, h *Header) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.Identifiers)))
	for _, c := range h.Identifiers {
		b = appendText(appendText(b, c.Kind), c.Namespace)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.Columns)))
	for _, c := range h.Columns {
		b = appendText(b, c.Name)
		b = appendTexts(b, c.Domain)
	}
	b = appendTexts(b, h.Channels)
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.Events)))
	for _, e := range h.Events {
		b = appendText(appendText(b, e.Kind), e.Category)
	}
	switch h.Purpose {
	case Base:
		document, _ := hex.DecodeString(h.Document) // fault has looked at it
		b = append(b, document...)
	case List:
		b = appendChange(b, h)
		keyed := byte(0)
		if h.Keyed {
			keyed = 1
		}
		b = append(b, keyed)
	case Events:
		b = appendText(b, h.Unit)
		b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, uint32(h.From)), uint32(h.To))
		b = appendText(appendChange(b, h), h.List)
	case Request:
		b = append(b, byte(slices.Index(requestKinds, h.Asks)+1))
	}
	var after [16]byte
	_, _ = hex.Decode(after[:], []byte(h.After)) // likewise
	return append(b, after[:]...)
}

// appendChange appends what the rows do to what was there before them.
func appendChange(b []byte, h *Header) []byte {
	return append(b, byte(slices.Index(changes[h.Purpose], h.Change))) // there, as fault has seen
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

func appendTexts(b []byte, list []string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(list)))
	for _, s := range list {
		b = appendText(b, s)
	}
	return b
}

// purposeCode gives 0 for what is no purpose.
func purposeCode(p Purpose) byte {
	for i, q := range purposes {
		if i > 0 && p == q {
			return byte(i)
		}
	}
	return 0
}

// sameHeader tells whether two headers that may be sealed are one.
func sameHeader(a, b *Header) bool {
	return a.Purpose == b.Purpose && bytes.Equal(appendSchema(nil, a), appendSchema(nil, b))
}

// decodeHeader reads a canonical header. What it gives encodes to b again.
func decodeHeader(b []byte) (Address, Header, error) {
	c := cursor{b: b}
	if c.u16() != formatVersion {
		c.fail("format version")
	}
	var a Address
	var h Header
	if p := int(c.u8()); p >= 1 && p < len(purposes) {
		h.Purpose = purposes[p]
	}
	a.Entrustment = c.text()
	a.Version = int(c.u32())
	a.Party, a.Name = c.text(), c.text()
	copy(a.Upload[:], c.take(len(a.Upload)))
	h.Identifiers = list(&c, maxColumns, func() IdentifierColumn { return IdentifierColumn{c.text(), c.text()} })
	h.Columns = list(&c, maxColumns, func() Column { return Column{c.text(), list(&c, maxDomain, c.text)} })
	h.Channels = list(&c, maxShort, c.text)
	h.Events = list(&c, maxShort, func() EventType { return EventType{c.text(), c.text()} })
	switch h.Purpose {
	case Base:
		h.Document = hex.EncodeToString(c.take(sha256.Size))
	case List:
		h.Change = c.change(List)
		switch c.u8() {
		case 0:
		case 1:
			h.Keyed = true
		default:
			c.fail("keyed")
		}
	case Events:
		h.Unit = c.text()
		h.From, h.To = int32(c.u32()), int32(c.u32())
		h.Change = c.change(Events)
		h.List = c.text()
	case Request:
		if n := int(c.u8()); n >= 1 && n <= len(requestKinds) {
			h.Asks = requestKinds[n-1]
		}
	}
	var after [16]byte
	if copy(after[:], c.take(len(after))); after != [16]byte{} {
		h.After = hex.EncodeToString(after[:])
	}
	if len(c.b) > 0 {
		c.fail("trailing bytes")
	}
	detail := c.bad
	if detail == "" {
		detail = h.fault()
	}
	if detail == "" {
		detail = a.fault(&h)
	}
	if detail != "" {
		return Address{}, Header{}, refuse(MalformedHeader, detail)
	}
	return a, h, nil
}

// change reads a change of a purpose.
func (c *cursor) change(p Purpose) Change {
	n := int(c.u8())
	if n >= len(changes[p]) {
		c.fail("change")
		return ""
	}
	return changes[p][n]
}

// fault says what of h is wrong; "" is nothing.
func (h *Header) fault() string {
	switch {
	case purposeCode(h.Purpose) == 0:
		return "purpose"
	case len(h.Identifiers) > maxColumns:
		return "more than 256 identifier columns"
	case len(h.Columns) > maxColumns:
		return "more than 256 columns"
	case len(h.Channels) > maxShort:
		return "more than 64 channels"
	case len(h.Events) > maxShort:
		return "more than 64 event types"
	case h.Purpose != Base && len(h.Channels) > 0:
		return "channels outside a base"
	case (h.Purpose == Events) != (len(h.Events) > 0):
		return "event types: a log has some, other files none"
	case h.Purpose != Events && h.Unit != "", h.Unit != "" && !isText(h.Unit):
		return "unit: of an event log, a text"
	case h.From|h.To != 0 && (h.Purpose != Events || h.From < 1 || h.From > h.To):
		return "period: of an event log, from its first day to its last"
	case (h.Purpose == Base) != (h.Document != ""), h.Document != "" && !isDigest(h.Document):
		return "document: a base has its hash, other files none"
	case !slices.Contains(changes[h.Purpose], h.Change):
		return "change: of a list add or remove, of an event log instead"
	case h.After != "" && !isUpload(h.After):
		return "after: an upload id"
	case h.Keyed && (h.Purpose != List || h.Change == Remove):
		return "keyed: of a list, but not of rows that remove"
	case h.List != "" && (h.Purpose != Events || len(h.Identifiers) > 0 || !IsID(h.List)):
		return "list: of an event log without identifier columns, an id"
	case h.Change == Remove && len(h.Columns) > 0:
		return "columns: rows that remove have none"
	case (h.Purpose == Request) != slices.Contains(requestKinds, h.Asks), h.Purpose != Request && h.Asks != "":
		return "asks: a request says what it asks for, other files don't"
	case h.Purpose == Request && len(h.Identifiers)+len(h.Columns) > 0:
		return "a request with columns"
	case h.Purpose == Request && h.After != "":
		return "after: a request follows none"
	case h.Purpose == List && len(h.Identifiers) == 0:
		return "a list without an identifier column"
	}
	for _, c := range h.Identifiers {
		if !isText(c.Kind) || c.Namespace != "" && !isText(c.Namespace) {
			return "identifier column"
		}
	}
	names := make([]string, len(h.Columns))
	for i, c := range h.Columns {
		names[i] = c.Name
		switch n := len(c.Domain); {
		case n < 1 || n > maxDomain || c.Domain[n-1] != unknown:
			return "a domain has 1 to 256 values, the last of them unknown"
		case !distinctTexts(c.Domain):
			return "values of a domain"
		}
	}
	for _, e := range h.Events {
		if !isText(e.Kind) || !isText(e.Category) {
			return "event type"
		}
	}
	switch {
	case !distinctTexts(names):
		return "names of columns"
	case !distinctTexts(h.Channels):
		return "channels"
	case !distinct(h.Identifiers):
		return "identifier columns named twice"
	case !distinct(h.Events):
		return "event types named twice"
	}
	return ""
}

// isText tells whether s may be a name or a value: it is shown to people before
// anything has been authenticated.
func isText(s string) bool {
	return s != "" && len(s) <= maxText && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// isDigest tells whether s is a SHA-256 hash in lower-case hex.
func isDigest(s string) bool { return isHex(s, sha256.Size) }

// isUpload tells whether s is an upload id in lower-case hex.
func isUpload(s string) bool { return isHex(s, 16) && strings.Trim(s, "0") != "" }

func isHex(s string, size int) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == size && hex.EncodeToString(b) == s
}

func distinctTexts(list []string) bool {
	for _, s := range list {
		if !isText(s) {
			return false
		}
	}
	return distinct(list)
}

func distinct[T comparable](list []T) bool {
	seen := make(map[T]struct{}, len(list))
	for _, v := range list {
		if _, twice := seen[v]; twice {
			return false
		}
		seen[v] = struct{}{}
	}
	return true
}
