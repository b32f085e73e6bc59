package parquet

import (
	"github.com/apache/arrow/go/v17/parquet"
)

// column is what the Parquet reader needs to know of a column.
type column struct {
	name     string
	index    int // leaf position in the file
	typ      parquet.Type
	length   int64 // fixed-length byte arrays: bytes a value
	optional bool  // may be null
	bits     bool  // booleans: a bit a value
	text     textForm
	scale    int32
	nested   bool
}

// width gives the least bytes a PLAIN value takes.
func (c column) width() int64 {
	switch c.typ {
	case parquet.Types.Int32, parquet.Types.Float, parquet.Types.ByteArray:
		return 4
	case parquet.Types.Int64, parquet.Types.Double:
		return 8
	case parquet.Types.Int96:
		return 12
	case parquet.Types.FixedLenByteArray:
		return c.length
	}
	return 0
}
