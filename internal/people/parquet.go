package people

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// groupRows is how many rows one row group holds, and how many are in memory.
const groupRows = 65_536

// WriteBaseParquet writes the same rows as WriteBaseCSV to Parquet: texts,
// salary as INT64, birth_date as DATE, flags as BOOLEAN, an empty field as
// null; Snappy, row groups of 65,536 rows.
func WriteBaseParquet(w io.Writer, o Options, progress func(done int64)) (err error) {
	root, err := parquetSchema(baseColumns)
	if err != nil {
		return fmt.Errorf("writing made-up users: %w", err)
	}
	set := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Snappy),
		parquet.WithCreatedBy("awase made-up people"),
	}
	for _, c := range baseColumns {
		if c.each {
			set = append(set, parquet.WithDictionaryFor(c.name, false))
		}
	}
	out := file.NewParquetWriter(w, root, file.WithWriterProps(parquet.NewWriterProperties(set...)))
	defer func() {
		if e := out.Close(); err == nil && e != nil {
			err = fmt.Errorf("writing made-up users: %w", e)
		}
	}()
	g := newGroup(baseColumns)
	err = eachUser(o, progress, func(r *record) error {
		if err := g.add(r); err != nil {
			return err
		}
		if g.rows < groupRows {
			return nil
		}
		return g.flush(out)
	})
	if err == nil && g.rows > 0 {
		err = g.flush(out)
	}
	if err != nil {
		return fmt.Errorf("writing made-up users: %w", err)
	}
	return nil
}

func parquetSchema(columns []column) (*schema.GroupNode, error) {
	fields := make(schema.FieldList, len(columns))
	for i, c := range columns {
		var logical schema.LogicalType = schema.NoLogicalType{}
		kind := parquet.Types.ByteArray
		switch c.as {
		case asText:
			logical = schema.StringLogicalType{}
		case asInt:
			kind = parquet.Types.Int64
		case asBool:
			kind = parquet.Types.Boolean
		case asDate:
			logical, kind = schema.DateLogicalType{}, parquet.Types.Int32
		}
		node, err := schema.NewPrimitiveNodeLogical(c.name, parquet.Repetitions.Optional, logical, kind, 0, -1)
		if err != nil {
			return nil, err
		}
		fields[i] = node
	}
	return schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
}

// group is the rows of one row group, by column.
type group struct {
	columns []column
	rows    int
	defined [][]int16 // 1 where there is a value
	bytes   []byte    // the texts, one after another
	texts   [][]parquet.ByteArray
	ints    [][]int64
	days    [][]int32
	flags   [][]bool
}

func newGroup(columns []column) *group {
	n := len(columns)
	return &group{
		columns: columns, defined: make([][]int16, n), texts: make([][]parquet.ByteArray, n),
		ints: make([][]int64, n), days: make([][]int32, n), flags: make([][]bool, n),
	}
}

func (g *group) add(r *record) error {
	for i, c := range g.columns {
		field := r.field(i)
		if len(field) == 0 {
			g.defined[i] = append(g.defined[i], 0)
			continue
		}
		g.defined[i] = append(g.defined[i], 1)
		switch c.as {
		case asText:
			from := len(g.bytes)
			g.bytes = append(g.bytes, field...)
			g.texts[i] = append(g.texts[i], g.bytes[from:len(g.bytes):len(g.bytes)])
		case asInt:
			v, err := strconv.ParseInt(string(field), 10, 64)
			if err != nil {
				return fmt.Errorf("column %s holds no number", c.name)
			}
			g.ints[i] = append(g.ints[i], v)
		case asBool:
			g.flags[i] = append(g.flags[i], string(field) == "true")
		case asDate:
			t, err := time.Parse(time.DateOnly, string(field))
			if err != nil {
				return fmt.Errorf("column %s holds no date", c.name)
			}
			g.days[i] = append(g.days[i], int32(t.Unix()/86400))
		}
	}
	g.rows++
	return nil
}

// flush writes the rows as one row group and forgets them.
func (g *group) flush(out *file.Writer) error {
	rg := out.AppendRowGroup()
	for i := range g.columns {
		cw, err := rg.NextColumn()
		if err != nil {
			return err
		}
		switch cw := cw.(type) {
		case *file.ByteArrayColumnChunkWriter:
			_, err = cw.WriteBatch(g.texts[i], g.defined[i], nil)
		case *file.Int64ColumnChunkWriter:
			_, err = cw.WriteBatch(g.ints[i], g.defined[i], nil)
		case *file.Int32ColumnChunkWriter:
			_, err = cw.WriteBatch(g.days[i], g.defined[i], nil)
		case *file.BooleanColumnChunkWriter:
			_, err = cw.WriteBatch(g.flags[i], g.defined[i], nil)
		default:
			err = fmt.Errorf("column %s has a type nobody writes", g.columns[i].name)
		}
		if err != nil {
			return err
		}
		if err := cw.Close(); err != nil {
			return err
		}
		g.defined[i], g.texts[i], g.ints[i], g.days[i], g.flags[i] = g.defined[i][:0], g.texts[i][:0], g.ints[i][:0], g.days[i][:0], g.flags[i][:0]
	}
	g.rows, g.bytes = 0, g.bytes[:0]
	return rg.Close()
}
