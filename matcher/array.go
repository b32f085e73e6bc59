package matcher

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/endian"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Every column is an Arrow array over plain Go memory: the garbage collector
// owns the buffers, so nothing is retained or released by hand and no
// allocator can leak. Buffers are little-endian, as in a vault segment.

var errBigEndian = errors.New("columns are little-endian and this machine is not: run on amd64 or arm64")

func checkMachine() error {
	if endian.IsBigEndian {
		return errBigEndian
	}
	return nil
}

// aligned gives b itself, or a copy where b does not begin at a multiple of 8,
// as a slice of a larger read may not: casts to wider types need it.
func aligned(b []byte) []byte {
	if uintptr(unsafe.Pointer(unsafe.SliceData(b)))%8 == 0 {
		return b
	}
	c := from(make([]byte, len(b)+8), 8)[:len(b)]
	copy(c, b)
	return c
}

// from gives b from its first byte on whose address is a multiple of n, a power
// of two that b is longer than.
func from(b []byte, n uintptr) []byte {
	return b[-uintptr(unsafe.Pointer(unsafe.SliceData(b)))%n:]
}

func arrayData(t arrow.DataType, n int, b []byte) *array.Data {
	return array.NewData(t, n, []*memory.Buffer{nil, memory.NewBufferBytes(aligned(b))}, nil, 0, 0)
}

// length is the number of values of size bytes in b, or an error where the
// last is cut short.
func length(b []byte, size int) (int, error) {
	if len(b)%size != 0 {
		return 0, fmt.Errorf("length is not a multiple of %d bytes", size)
	}
	return len(b) / size, nil
}

func newUint8s(b []byte) *array.Uint8 {
	return array.NewUint8Data(arrayData(arrow.PrimitiveTypes.Uint8, len(b), b))
}

func newUint16s(b []byte) (*array.Uint16, error) {
	n, err := length(b, arrow.Uint16SizeBytes)
	if err != nil {
		return nil, err
	}
	return array.NewUint16Data(arrayData(arrow.PrimitiveTypes.Uint16, n, b)), nil
}

var pairType = &arrow.FixedSizeBinaryType{ByteWidth: pairSize}

func newPairs(b []byte) (*array.FixedSizeBinary, error) {
	n, err := length(b, pairSize)
	if err != nil {
		return nil, err
	}
	return array.NewFixedSizeBinaryData(arrayData(pairType, n, b)), nil
}

// pairsOf gives the pairs that b, aligned and whole, holds: its own memory.
func pairsOf(b []byte) []pair {
	if len(b) == 0 { // an empty slice may point at what is not a pair's memory
		return nil
	}
	return unsafe.Slice((*pair)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/pairSize)
}

// bytesOf gives the values buffer of an array, for the vault.
func bytesOf(a arrow.Array) []byte {
	b := a.Data().Buffers()[1]
	if b == nil {
		return nil
	}
	return b.Bytes()
}
