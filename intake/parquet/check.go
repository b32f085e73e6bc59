package parquet

import (
	"encoding/binary"
	"math/bits"
)

// checkPage tells whether a data page holds all the levels and values that its
// header promises, so that the library's decoders always make progress and
// make no room for more than there is. Encodings: the Parquet format's
// Encodings.md.
func checkPage(b []byte, h pageHeader, col column) error {
	n := h.values
	if col.optional {
		levels, rest, err := levelBytes(b, h)
		if err != nil {
			return err
		}
		if n, err = countSet(levels, h.values); err != nil {
			return err
		}
		b = rest
	} else if h.typ == pageDataV2 {
		b = b[h.defLen:] // some writers write levels that nobody needs
	}
	if n == 0 {
		return nil
	}
	switch h.encoding {
	case encPlain:
		if n*col.width() > int64(len(b)) || col.bits && (n+7)/8 > int64(len(b)) {
			return errPage
		}
		return nil
	case encPlainDict, encRLEDict:
		if len(b) == 0 || b[0] > 32 {
			return errPage
		}
		return runs(b[1:], int64(b[0]), n, nil)
	case encRLE:
		if len(b) < 4 {
			return errPage
		}
		size := int64(binary.LittleEndian.Uint32(b))
		if !col.bits || size > int64(len(b)-4) {
			return errPage
		}
		return runs(b[4:4+size], 1, n, nil)
	case encDelta, encDeltaLen:
		_, err := delta(b, n)
		return err
	case encDeltaBytes:
		rest, err := delta(b, n)
		if err == nil {
			_, err = delta(rest, n)
		}
		return err
	}
	return errPage
}

// levelBytes cuts the definition levels off a page.
func levelBytes(b []byte, h pageHeader) (levels, rest []byte, err error) {
	if h.typ == pageDataV2 {
		return b[:h.defLen], b[h.defLen:], nil // data has checked the length
	}
	if h.defEncoding != encRLE || len(b) < 4 {
		return nil, nil, errPage
	}
	size := int64(binary.LittleEndian.Uint32(b))
	if size > int64(len(b)-4) {
		return nil, nil, errPage
	}
	return b[4 : 4+size], b[4+size:], nil
}

// countSet counts the ones among the first n levels of width 1.
func countSet(b []byte, n int64) (int64, error) {
	set := int64(0)
	err := runs(b, 1, n, func(value []byte, count int64, packed bool) {
		if !packed {
			set += int64(value[0]&1) * count
			return
		}
		for _, v := range value[:count/8] {
			set += int64(bits.OnesCount8(v))
		}
		if rest := count % 8; rest > 0 {
			set += int64(bits.OnesCount8(value[count/8] & (1<<rest - 1)))
		}
	})
	return set, err
}

// runs walks the RLE / bit-packed hybrid of a width in bits until n values are
// covered, telling each the values it takes from a run.
func runs(b []byte, width, n int64, each func(value []byte, count int64, packed bool)) error {
	for n > 0 {
		h, k := binary.Uvarint(b)
		if k <= 0 || h>>1 == 0 || h>>1 > 1<<31 {
			return errPage
		}
		b = b[k:]
		count, size := int64(h>>1), (width+7)/8
		if h&1 == 1 {
			count, size = count*8, count*width
		}
		if size > int64(len(b)) {
			return errPage
		}
		if each != nil {
			each(b[:size], min(count, n), h&1 == 1)
		}
		b, n = b[size:], n-count
	}
	return nil
}

// delta walks a DELTA_BINARY_PACKED block sequence of exactly n values and
// gives what follows.
func delta(b []byte, n int64) ([]byte, error) {
	var head [3]uint64 // values a block, miniblocks a block, values
	for i := range head {
		v, k := binary.Uvarint(b)
		if k <= 0 {
			return nil, errPage
		}
		head[i], b = v, b[k:]
	}
	_, k := binary.Varint(b) // first value
	if k <= 0 || head[0] == 0 || head[0] > 1<<20 || head[1] == 0 || head[0]%head[1] != 0 || head[2] != uint64(n) {
		return nil, errPage
	}
	b = b[k:]
	mini := int64(head[0] / head[1])
	if mini%32 != 0 {
		return nil, errPage
	}
	for left := n - 1; left > 0; {
		_, k := binary.Varint(b) // least delta
		if k <= 0 || uint64(len(b)-k) < head[1] {
			return nil, errPage
		}
		widths := b[k : k+int(head[1])]
		b = b[k+int(head[1]):]
		for _, w := range widths {
			if left <= 0 {
				break
			}
			size := mini / 8 * int64(w)
			if w > 64 || size > int64(len(b)) {
				return nil, errPage
			}
			b, left = b[size:], left-mini
		}
	}
	return b, nil
}
