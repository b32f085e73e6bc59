// Package table is what the readers of package intake share: the chunk of rows
// that they fill, the form of a reader, and the faults of a file.
//
//	intake          text, and the work on rows ──┐
//	intake/parquet  Parquet, over arrow        ──┼──▶ intake/table
//	intake/sheet    XLSX, over excelize        ──┘
//
// Package intake itself reads text. The other two are given to it in
// intake.Options.Formats, so that a program which reads text alone, as the first
// WASM module does, links neither of their libraries.
package table

import (
	"errors"
	"io"
)

// ChunkRows and ChunkBytes bound a chunk: the unit that one worker converts.
// A row is added whole, so a chunk may pass ChunkBytes by one row.
const (
	ChunkRows  = 1024
	ChunkBytes = 4 << 20
)

// MaxColumns is the most columns a table has: as many as a spreadsheet.
const MaxColumns = 16384

// Chunk is a run of rows of the picked columns, as UTF-8 text, in one piece of
// memory. A reader appends a cell to Data, calls End, and after a row's last
// cell EndRow.
type Chunk struct {
	Data  []byte
	Lines []int64 // for messages: the line or row number of each row
	Read  int64   // bytes of the file read when the chunk was full

	cols  int
	ends  []uint32 // end of each cell in Data, row by row
	extra []bool   // the row has more cells than the header; short if the last have none
}

// Reset empties the chunk for rows of so many cells.
func (c *Chunk) Reset(cols int) {
	if c.Data == nil { // of a size that most chunks have
		c.Data, c.Lines, c.ends = make([]byte, 0, 64*ChunkRows), make([]int64, 0, ChunkRows), make([]uint32, 0, ChunkRows*min(cols, 8))
	}
	c.cols, c.Data, c.ends, c.Lines, c.extra = cols, c.Data[:0], c.ends[:0], c.Lines[:0], c.extra[:0]
}

// Rows gives how many rows are in the chunk.
func (c *Chunk) Rows() int { return len(c.Lines) }

// Full tells whether no more rows should be added.
func (c *Chunk) Full() bool { return len(c.Lines) >= ChunkRows || len(c.Data) >= ChunkBytes }

// End closes a cell.
func (c *Chunk) End() { c.ends = append(c.ends, uint32(len(c.Data))) }

// EndRow closes a row that starts on a line; extra: it has more cells than the
// header.
func (c *Chunk) EndRow(line int64, extra bool) {
	if extra {
		for len(c.extra) < len(c.Lines) {
			c.extra = append(c.extra, false)
		}
		c.extra = append(c.extra, true)
	}
	c.Lines = append(c.Lines, line)
}

// Extra tells whether row r has more cells than the header.
func (c *Chunk) Extra(r int) bool { return r < len(c.extra) && c.extra[r] }

// Cell gives the text of a cell of row r; the chunk's memory.
func (c *Chunk) Cell(r, col int) []byte {
	i := r*c.cols + col
	from := uint32(0)
	if i > 0 {
		from = c.ends[i-1]
	}
	return c.Data[from:c.ends[i]:c.ends[i]]
}

// Source gives a file's rows of the columns picked. It is used by one goroutine
// at a time.
type Source interface {
	// Columns gives the names in the header, as they stand there.
	Columns() []string
	// Pick says which columns, by position, Next gives, in this order. A column
	// of a form that isn't read is an error. It is called once, before Next.
	Pick(cols []int) error
	// Next fills c. At the end of the file it gives io.EOF, with no rows in c.
	Next(c *Chunk) error
	// Describe gives what is known of the file's form so far.
	Describe() Form
}

// Form is what a file turned out to be.
type Form struct {
	Format    string   // "CSV", "TSV", "TXT", "Parquet" or "Excel"
	Encoding  string   // of the text; Parquet: of the pages
	Delimiter string   // text: "comma", "tab" or "semicolon"
	Notices   []string // what the reader left aside, such as other sheets
}

// Options are how a file is opened.
type Options struct {
	Name   string // the file's name, for messages
	MaxRow int    // longest row, in bytes
}

// Format reads one sort of file that is no plain text.
type Format struct {
	Name string // as Form.Format
	// Magic are the first bytes of such files, and perhaps of others.
	Magic []string
	// Is tells the sort by content, never by name.
	Is func(src io.ReaderAt, size int64) bool
	// Open reads the head. Errors of the file are *entrustment.Error.
	Open func(src io.ReaderAt, size int64, o Options) (Source, error)
}

// ReadAt fills b from off on; a file that ends earlier is io.ErrUnexpectedEOF.
func ReadAt(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
