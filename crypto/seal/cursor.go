package seal

import "encoding/binary"

// cursor reads a header from the front. After its first fault it gives zeros,
// so that the fault is looked at once, at the end.
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

func (c *cursor) u8() (v uint8) {
	if b := c.take(1); b != nil {
		v = b[0]
	}
	return v
}

func (c *cursor) u16() (v uint16) {
	if b := c.take(2); b != nil {
		v = binary.BigEndian.Uint16(b)
	}
	return v
}

func (c *cursor) u32() (v uint32) {
	if b := c.take(4); b != nil {
		v = binary.BigEndian.Uint32(b)
	}
	return v
}

func (c *cursor) text() string {
	n := int(c.u16())
	if n > maxText {
		c.fail("a text over 512 bytes")
		return ""
	}
	return string(c.take(n))
}

// list reads a count of at most limit and as many entries; none is nil. Every
// entry takes at least two bytes, so the count is bounded by what is there.
func list[T any](c *cursor, limit int, entry func() T) []T {
	n := int(c.u16())
	if n > limit || 2*n > len(c.b) {
		c.fail("a count over its limit")
		return nil
	}
	if n == 0 {
		return nil
	}
	out := make([]T, n)
	for i := range out {
		out[i] = entry()
	}
	return out
}
