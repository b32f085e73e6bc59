// Package parquet reads Parquet files for package intake: it checks footer,
// pages and counts itself before the library sees them, for that panics, hangs
// and takes gigabytes on damaged ones.
package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/klauspost/compress/zstd"

	"awase/intake/table"
)

const (
	parquetMagic = "PAR1"
	// maxFooter is the largest footer read, in bytes, and maxColumns the most
	// schema elements: past it the library's recursion and its path strings
	// grow with the square.
	maxFooter  = 64 << 20
	maxColumns = 4096
	// rowsPerByte bounds how many rows a file may claim: rows of nulls cost
	// nothing, and a person has an identifier.
	rowsPerByte = 64
)

const mendExport = "the file is cut short or damaged; export it again"

// parquetSource reads the columns picked, one row group after the other, with
// the library's typed column readers over our page reader. Every call into the
// library is under recover: it panics on damaged files.
type parquetSource struct {
	src    io.ReaderAt
	size   int64
	name   string // file name for messages
	max    int    // longest row, in bytes
	file   *file.Reader
	all    []column
	picked []int
	zstd   *zstd.Decoder
	codecs map[string]bool

	group   int   // current row group
	left    int64 // rows left in it
	batch   int   // rows left of those the readers hold
	row     int64 // rows given
	readers []*columnValues
	bytes   int64 // of the groups read
}

// Format reads Parquet.
var Format = table.Format{
	Name:  "Parquet",
	Magic: []string{parquetMagic, "PARE"},
	Is:    isParquet,
	Open: func(src io.ReaderAt, size int64, o table.Options) (table.Source, error) {
		s, err := openParquet(src, size, o.Name, o.MaxRow)
		if err != nil {
			return nil, err
		}
		return s, nil
	},
}

// isParquet tells whether the file begins as Parquet does.
func isParquet(r io.ReaderAt, _ int64) bool {
	head := make([]byte, len(parquetMagic))
	return table.ReadAt(r, head, 0) == nil && (string(head) == parquetMagic || string(head) == "PARE")
}

// openParquet checks the footer before the library sees it.
func openParquet(src io.ReaderAt, size int64, name string, max int) (s *parquetSource, err error) {
	s = &parquetSource{src: src, size: size, name: name, max: max, group: -1, codecs: map[string]bool{}}
	defer s.rescue("footer", &err)
	if err := checkFooter(src, size); err != nil {
		return nil, footerFault(name, err)
	}
	s.file, err = file.NewParquetReader(io.NewSectionReader(src, 0, size))
	if err != nil {
		return nil, table.Fault(table.SortDamaged, name+", footer", "the Parquet footer can't be read", mendExport)
	}
	rows := int64(0)
	for i := range s.file.NumRowGroups() {
		n := s.file.RowGroup(i).NumRows()
		if n < 0 || n > size*rowsPerByte-rows {
			return nil, table.Fault(table.SortDamaged, s.place(i, ""), "it claims more rows than the file can hold", mendExport)
		}
		rows += n
	}
	if rows != s.file.NumRows() {
		return nil, table.Fault(table.SortDamaged, name+", footer", "the row groups don't add up to the file's rows", mendExport)
	}
	if rows == 0 {
		return nil, table.Fault(table.SortNoRows, name, "the file has no rows", "export it again with its rows")
	}
	s.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("set up zstd: %w", err)
	}
	s.readSchema()
	return s, nil
}

// errEncrypted is a file in Parquet's encrypted form.
var errEncrypted = errors.New("encrypted")

func footerFault(name string, err error) error {
	if errors.Is(err, errEncrypted) {
		return table.Fault(table.SortFormat, name+", footer", "the file is encrypted Parquet, which is not read", mendExport)
	}
	return table.Fault(table.SortDamaged, name+", footer", "the Parquet footer is not whole", mendExport)
}

// checkFooter walks the footer: magic, length, each count within the bytes.
func checkFooter(src io.ReaderAt, size int64) error {
	if size < 12 {
		return io.ErrUnexpectedEOF
	}
	tail := make([]byte, 8)
	if err := table.ReadAt(src, tail, size-8); err != nil {
		return err
	}
	if string(tail[4:]) == "PARE" {
		return errEncrypted
	}
	length := int64(binary.LittleEndian.Uint32(tail))
	if !bytes.Equal(tail[4:], []byte(parquetMagic)) || length > size-12 || length > maxFooter {
		return errThrift
	}
	footer := make([]byte, length)
	if err := table.ReadAt(src, footer, size-8-length); err != nil {
		return err
	}
	ok := true
	elements := int64(0)
	c := compact{b: footer,
		list: func(path []int16, n int64) {
			if len(path) == 1 && path[0] == 2 {
				elements = n
			}
		},
		num: func(path []int16, v int64) {
			if len(path) == 2 && path[0] == 2 {
				switch path[1] {
				case 2: // type_length
					ok = ok && v >= 0 && v <= maxPage
				case 5: // num_children
					ok = ok && v >= 0 && v < elements
				}
			}
		},
	}
	if err := c.structure(); err != nil {
		return err
	}
	if !ok || elements == 0 || elements > maxColumns {
		return errThrift
	}
	return nil
}

// readSchema lists the columns; a group is one column, marked nested.
func (s *parquetSource) readSchema() {
	schema := s.file.MetaData().Schema
	seen := map[int]bool{}
	for i := range schema.NumColumns() {
		c := schema.Column(i)
		root := schema.ColumnRoot(i)
		if c.MaxRepetitionLevel() > 0 || c.MaxDefinitionLevel() > 1 || len(c.ColumnPath()) > 1 {
			at := schema.Root().FieldIndexByField(root)
			if !seen[at] {
				seen[at] = true
				s.all = append(s.all, column{name: root.Name(), index: i, nested: true})
			}
			continue
		}
		col := column{
			name: c.Name(), index: i, typ: c.PhysicalType(), length: int64(c.TypeLength()),
			optional: c.MaxDefinitionLevel() == 1, bits: c.PhysicalType() == parquet.Types.Boolean,
		}
		col.text, col.scale = formOf(c)
		s.all = append(s.all, col)
	}
}

// Columns gives the names of the columns; a group is one.
func (s *parquetSource) Columns() []string {
	names := make([]string, len(s.all))
	for i, c := range s.all {
		names[i] = c.name
	}
	return names
}

// Pick picks columns and refuses those of a form that is not read.
func (s *parquetSource) Pick(cols []int) error {
	s.picked = cols
	for _, i := range s.picked {
		c := s.all[i]
		switch {
		case c.nested:
			return table.Fault(table.SortFormat, s.name+", column "+table.Show(c.name), "the column is nested or repeated", "flatten it into plain columns, or drop it")
		case c.text == formNone, c.typ == parquet.Types.FixedLenByteArray && c.length == 0:
			return table.Fault(table.SortFormat, s.name+", column "+table.Show(c.name), "the column is of a type that is not read", "export it as text, or drop it")
		}
	}
	return nil
}

// Describe names the codecs met so far.
func (s *parquetSource) Describe() table.Form {
	codecs := make([]string, 0, len(s.codecs))
	for c := range s.codecs {
		codecs = append(codecs, c)
	}
	slices.Sort(codecs)
	return table.Form{Format: Format.Name, Encoding: strings.Join(codecs, ", ")}
}

// Next reads up to table.ChunkRows rows.
func (s *parquetSource) Next(c *table.Chunk) (err error) {
	c.Reset(len(s.picked))
	at := ""
	defer func() {
		if p := recover(); p != nil {
			err = s.damaged(at)
		}
	}()
	for s.left == 0 {
		if err := s.openGroup(&at); err != nil {
			return err
		}
	}
	if s.batch == 0 {
		s.batch = int(min(s.left, table.ChunkRows))
		for _, v := range s.readers {
			at = v.col.name
			if err := v.read(s.batch); err != nil {
				return s.pageFault(at, err)
			}
		}
	}
	for s.batch > 0 && !c.Full() {
		s.row++
		s.left--
		s.batch--
		if err := s.appendRow(c, &at); err != nil {
			return err
		}
	}
	c.Read = s.bytes
	return nil
}

// appendRow puts the next row of every column into c.
func (s *parquetSource) appendRow(c *table.Chunk, at *string) error {
	from := len(c.Data)
	for _, v := range s.readers {
		*at = v.col.name
		c.Data = v.appendNext(c.Data)
		c.End()
		if len(c.Data)-from > s.max {
			return table.TooLong(s.name, s.row, s.max)
		}
	}
	c.EndRow(s.row, false)
	return nil
}

// openGroup opens the picked columns of the next row group.
func (s *parquetSource) openGroup(at *string) error {
	s.group++
	if s.group >= s.file.NumRowGroups() {
		return io.EOF
	}
	group := s.file.RowGroup(s.group)
	meta := group.MetaData()
	s.left = meta.NumRows()
	s.readers = s.readers[:0]
	s.bytes = 0
	for _, i := range s.picked {
		col := s.all[i]
		*at = col.name
		part, err := meta.ColumnChunk(col.index)
		if err != nil || part.CryptoMetadata() != nil || part.FilePath() != "" || part.NumValues() != s.left {
			return s.damaged(col.name)
		}
		from := part.DataPageOffset()
		if d := part.DictionaryPageOffset(); part.HasDictionaryPage() && d > 0 && d < from {
			from = d
		}
		size := part.TotalCompressedSize()
		if from < int64(len(parquetMagic)) || size < 0 || from > s.size-8 || size > s.size-8-from {
			return s.damaged(col.name)
		}
		if _, err := compress.GetCodec(part.Compression()); err != nil {
			return table.Fault(table.SortFormat, s.place(s.group, col.name), "its compression is not read", "export it with snappy, zstd, gzip or none")
		}
		s.codecs[strings.ToLower(part.Compression().String())] = true
		pages := &pageReader{src: s.src, off: from, end: from + size, left: s.left, codec: part.Compression(), col: col, zstd: s.zstd}
		reader := file.NewColumnReader(s.file.MetaData().Schema.Column(col.index), pages, memory.DefaultAllocator, s.file.BufferPool())
		s.readers = append(s.readers, newColumnValues(col, reader))
		s.bytes = max(s.bytes, from+size)
	}
	return nil
}

// place names a spot in the file; row groups are counted from 1.
func (s *parquetSource) place(group int, col string) string {
	p := fmt.Sprintf("%s, row group %d", s.name, group+1)
	if col != "" {
		p += ", column " + table.Show(col)
	}
	return p
}

func (s *parquetSource) damaged(col string) error {
	return table.Fault(table.SortDamaged, s.place(s.group, col), "the Parquet data is damaged", mendExport)
}

// pageFault keeps what the library says out of the message: it may quote data.
func (s *parquetSource) pageFault(col string, err error) error {
	if errors.Is(err, errPageSize) {
		return table.Fault(table.SortTooLarge, s.place(s.group, col), fmt.Sprintf("a page is over %d MiB", maxPage>>20), "export it with smaller row groups")
	}
	return s.damaged(col)
}

// rescue turns a panic of the library into a fault.
func (s *parquetSource) rescue(where string, err *error) {
	if p := recover(); p != nil {
		*err = table.Fault(table.SortDamaged, s.name+", "+where, "the Parquet "+where+" is damaged", mendExport)
	}
}
