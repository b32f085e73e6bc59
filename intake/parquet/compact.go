package parquet

import (
	"encoding/binary"
	"errors"
)

// errThrift is a Thrift structure that contradicts its own length.
var errThrift = errors.New("damaged Thrift structure")

// compact walks a Thrift compact structure (the encoding of Parquet's footer
// and page headers) without building it: each length and count is held against
// the bytes that are there. Parquet libraries make room for whatever a damaged
// count says, which is how three bytes come to ask for 30 GB; nothing goes to
// the library that has not been walked first.
//
// Format: github.com/apache/thrift, doc/specs/thrift-compact-protocol.md.
type compact struct {
	b    []byte
	path []int16                         // field ids from the root; 0 inside a list or a map
	num  func(path []int16, v int64)     // called for each bool and integer
	list func(path []int16, elems int64) // called for each list; may be nil
}

// compactDepth is deeper than any structure of parquet.thrift.
const compactDepth = 16

// Compact types.
const (
	ctTrue = 1 + iota
	ctFalse
	ctByte
	ctI16
	ctI32
	ctI64
	ctDouble
	ctBinary
	ctList
	ctSet
	ctMap
	ctStruct
)

// structure walks one struct and leaves b at what follows.
func (c *compact) structure() error {
	if len(c.path) >= compactDepth {
		return errThrift
	}
	c.path = append(c.path, 0)
	at := len(c.path) - 1
	defer func() { c.path = c.path[:at] }()
	id := int16(0)
	for {
		h, err := c.byte()
		if err != nil || h == 0 {
			return err
		}
		if delta := int16(h >> 4); delta != 0 {
			id += delta
		} else {
			v, err := c.zigzag()
			if err != nil {
				return err
			}
			id = int16(v)
		}
		c.path[at] = id
		if err := c.value(h&15, false); err != nil {
			return err
		}
	}
}

// value walks one value; a bool inside a list has a byte of its own.
func (c *compact) value(typ byte, element bool) error {
	switch typ {
	case ctTrue, ctFalse:
		if element {
			_, err := c.byte()
			return err
		}
		c.num(c.path, int64(2-typ))
		return nil
	case ctByte:
		v, err := c.byte()
		c.num(c.path, int64(int8(v)))
		return err
	case ctI16, ctI32, ctI64:
		v, err := c.zigzag()
		c.num(c.path, v)
		return err
	case ctDouble:
		return c.skip(8)
	case ctBinary:
		n, err := c.uvarint()
		if err != nil {
			return err
		}
		return c.skip(n)
	case ctList, ctSet:
		return c.elements()
	case ctMap:
		return c.pairs()
	case ctStruct:
		return c.structure()
	}
	return errThrift
}

func (c *compact) elements() error {
	h, err := c.byte()
	if err != nil {
		return err
	}
	n := uint64(h >> 4)
	if n == 15 {
		if n, err = c.uvarint(); err != nil {
			return err
		}
	}
	if n > uint64(len(c.b)) { // each element takes a byte at least
		return errThrift
	}
	if c.list != nil {
		c.list(c.path, int64(n))
	}
	return c.times(n, h&15)
}

func (c *compact) pairs() error {
	n, err := c.uvarint()
	if err != nil || n == 0 {
		return err
	}
	h, err := c.byte()
	if err != nil {
		return err
	}
	if n > uint64(len(c.b)) {
		return errThrift
	}
	return c.times(n, h>>4, h&15)
}

// times walks n groups of values of the types given.
func (c *compact) times(n uint64, types ...byte) error {
	for range n {
		for _, t := range types {
			if err := c.value(t, true); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *compact) byte() (byte, error) {
	if len(c.b) == 0 {
		return 0, errThrift
	}
	v := c.b[0]
	c.b = c.b[1:]
	return v, nil
}

func (c *compact) skip(n uint64) error {
	if n > uint64(len(c.b)) {
		return errThrift
	}
	c.b = c.b[n:]
	return nil
}

func (c *compact) uvarint() (uint64, error) {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		return 0, errThrift
	}
	c.b = c.b[n:]
	return v, nil
}

func (c *compact) zigzag() (int64, error) {
	v, n := binary.Varint(c.b)
	if n <= 0 {
		return 0, errThrift
	}
	c.b = c.b[n:]
	return v, nil
}
