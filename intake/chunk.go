package intake

import (
	"github.com/apache/arrow/go/v17/parquet"
)

// chunkRows and chunkBytes bound a chunk: the unit that one worker converts.
// A row is added whole, so a chunk may pass chunkBytes by one row.
const (
	chunkRows  = 4096
	chunkBytes = 4 << 20
)

// chunk is a run of rows of the used columns, as text, in one piece of memory.
type chunk struct {
	cols  int
	data  []byte
	ends  []uint32 // end of each cell in data, row by row
	lines []int64  // for messages: the line or row number of each row
	extra []bool   // the row has more cells than the header; nil if none has
	read  int64    // bytes of the file read when the chunk was full
}

func (c *chunk) reset(cols int) {
	c.cols, c.data, c.ends, c.lines, c.extra = cols, c.data[:0], c.ends[:0], c.lines[:0], c.extra[:0]
}

func (c *chunk) rows() int { return len(c.lines) }

func (c *chunk) full() bool { return len(c.lines) >= chunkRows || len(c.data) >= chunkBytes }

// cell gives the text of a cell of row r.
func (c *chunk) cell(r, col int) []byte {
	i := r*c.cols + col
	from := uint32(0)
	if i > 0 {
		from = c.ends[i-1]
	}
	return c.data[from:c.ends[i]:c.ends[i]]
}

// end closes a cell.
func (c *chunk) end() { c.ends = append(c.ends, uint32(len(c.data))) }

// source gives a file's rows of the columns picked.
type source interface {
	// columns gives the names in the header, as they stand there.
	columns() []string
	// pick says which columns, by position, next gives, in this order.
	pick(cols []int)
	// next fills c. At the end of the file it gives io.EOF, with no rows in c.
	next(c *chunk) error
	// describe puts what was found of the file's form into the report.
	describe(r *Report)
}

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
