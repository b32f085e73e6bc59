package delivery

import (
	"crypto/ed25519"
	"encoding/binary"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"awase/crypto/label"
	"awase/crypto/seal"
)

const (
	formatVersion = 1
	maxHeader     = 8 << 10 // bytes of its encoding
	maxChannel    = 64
	maxHint       = math.MaxUint16
)

// appendHeader appends the canonical header, docs/deliveries-format.md §2.
func appendHeader(b []byte, h *Header) ([]byte, error) {
	if d := h.fault(); d != "" {
		return nil, refuse(BadHeader, d)
	}
	b = binary.BigEndian.AppendUint16(b, formatVersion)
	b = append(b, h.Delivery[:]...)
	b = appendText(b, h.Campaign)
	b = binary.BigEndian.AppendUint32(b, uint32(h.Number))
	b = appendText(b, h.Entrustment)
	b = binary.BigEndian.AppendUint32(b, uint32(h.Version))
	b = appendText(b, h.Receiver)
	b = append(b, byte(h.Destination))
	b = appendText(b, h.Channel)
	b = append(b, byte(h.Act))
	b = binary.BigEndian.AppendUint64(b, uint64(h.Created))
	b = binary.BigEndian.AppendUint64(b, uint64(h.Expires))
	b = binary.BigEndian.AppendUint16(b, uint16(h.Times))
	b = binary.BigEndian.AppendUint16(b, uint16(h.Days))
	b = binary.BigEndian.AppendUint64(b, uint64(h.Slots))
	if h.Destination == Label {
		kem, kdf, aead, _ := h.Labels.Suite.Ids()
		for _, v := range []uint16{kem, kdf, aead, uint16(len(h.Labels.Enc))} {
			b = binary.BigEndian.AppendUint16(b, v)
		}
		b = append(b, h.Labels.Enc...)
	}
	return append(b, h.Room...), nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

// decodeHeader reads a canonical header. What it gives encodes to b again.
func decodeHeader(b []byte) (Header, error) {
	c := cursor{b: b}
	if c.uint(2) != formatVersion {
		c.fail("format version")
	}
	var h Header
	copy(h.Delivery[:], c.take(len(h.Delivery)))
	h.Campaign = c.text()
	h.Number = int(c.uint(4))
	h.Entrustment = c.text()
	h.Version = int(c.uint(4))
	h.Receiver = c.text()
	h.Destination = Destination(c.uint(1))
	h.Channel = c.text()
	h.Act = Act(c.uint(1))
	h.Created, h.Expires = int64(c.uint(8)), int64(c.uint(8))
	h.Times, h.Days = int(c.uint(2)), int(c.uint(2))
	h.Slots = int64(c.uint(8))
	if h.Destination == Label {
		suite, ok := seal.SuiteOf(uint16(c.uint(2)), uint16(c.uint(2)), uint16(c.uint(2)))
		if !ok {
			c.fail("suite of the labels")
		}
		h.Labels = label.Set{Delivery: h.Delivery, Expires: h.Expires, Suite: suite, Enc: append([]byte(nil), c.take(int(c.uint(2)))...)}
	}
	h.Room = append(h.Room, c.take(ed25519.PublicKeySize)...)
	if len(c.b) > 0 {
		c.fail("trailing bytes")
	}
	detail := c.bad
	if detail == "" {
		detail = h.fault()
	}
	if detail != "" {
		return Header{}, refuse(MalformedHeader, detail)
	}
	return h, nil
}

// fault says what of h is wrong; "" is nothing.
func (h *Header) fault() string {
	labels := h.Destination == Label
	limit := int64(MaxSlots)
	if labels {
		limit = MaxLabelBytes
	}
	switch {
	case h.Delivery == [16]byte{}:
		return "delivery id"
	case !seal.IsID(h.Campaign):
		return "campaign"
	case h.Number < 1 || h.Number > math.MaxInt32:
		return "number"
	case !seal.IsID(h.Entrustment):
		return "entrustment"
	case h.Version < 1 || h.Version > math.MaxInt32:
		return "version"
	case !seal.IsID(h.Receiver):
		return "receiver"
	case !h.Destination.ok():
		return "destination"
	case (h.Destination == OwnChannel) != (h.Channel != ""), h.Channel != "" && !isChannel(h.Channel):
		return "channel: of own-channel, a text"
	case h.Act != Replace && h.Act != Remove, labels && h.Act != Replace:
		return "act: replace, or of a platform or own channel remove"
	case h.Created < 1 || h.Expires <= h.Created:
		return "created, and expires after it"
	case h.Times < 0 || h.Times > maxHint || h.Days < 0 || h.Days > maxHint || (h.Times == 0) != (h.Days == 0):
		return "frequency hint: times and days, or neither"
	case !isPower(h.Slots) || h.Slots > limit:
		return "slots: a power of two"
	case labels && h.Slots < labelTrailer:
		return "slots: too few for labels"
	case labels && (h.Labels.Fault() != "" || h.Labels.Delivery != h.Delivery || h.Labels.Expires != h.Expires):
		return "labels: of this delivery and expiry"
	case !labels && (h.Labels.Suite != 0 || h.Labels.Enc != nil || h.Labels.Expires != 0 || h.Labels.Delivery != [16]byte{}):
		return "labels: of the destination label alone"
	case len(h.Room) != ed25519.PublicKeySize:
		return "room key"
	}
	return ""
}

// isChannel tells whether s may name a channel: it is shown to people before
// anything has been authenticated.
func isChannel(s string) bool {
	return len(s) <= maxChannel && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// cursor reads from the front. After its first fault it gives zeros, so that the
// fault is looked at once, at the end.
type cursor struct {
	b   []byte
	bad string
}

func (c *cursor) fail(detail string) {
	if c.bad == "" {
		c.bad = detail
	}
	c.b = nil
}

// take gives the next n bytes, or nil.
func (c *cursor) take(n int) []byte {
	if len(c.b) < n {
		c.fail("ends early")
		return nil
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

// uint reads a big-endian integer of n bytes.
func (c *cursor) uint(n int) (v uint64) {
	for _, b := range c.take(n) {
		v = v<<8 | uint64(b)
	}
	return v
}

func (c *cursor) text() string { return string(c.take(int(c.uint(2)))) }
