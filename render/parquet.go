package render

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/schema"

	"awase/enclave/wire"
)

// writeParquet writes the flat table as a Parquet file of one row group, Snappy,
// texts by dictionary. Question, privacy and receipt are key-value metadata of
// the file.
func writeParquet(w io.Writer, r *wire.Release) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing the release as Parquet: %w", err)
		}
	}()
	t, err := flatten(r)
	if err != nil {
		return err
	}
	fields := make(schema.FieldList, len(t.columns))
	set := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Snappy), parquet.WithDictionaryDefault(false), parquet.WithCreatedBy("awase"),
	}
	for i, c := range t.columns {
		if fields[i], err = c.node(); err != nil {
			return err
		}
		if c.as == asText {
			set = append(set, parquet.WithDictionaryFor(c.name, true))
		}
	}
	root, err := schema.NewGroupNode("release", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return err
	}
	about := metadata.NewKeyValueMetadata()
	for _, m := range t.meta {
		if err := about.Append(m.name, m.value); err != nil {
			return err
		}
	}
	out := file.NewParquetWriter(struct{ io.Writer }{w}, root, file.WithWriterProps(parquet.NewWriterProperties(set...)), file.WithWriteMetadata(about))
	return errors.Join(t.group(out), out.Close())
}

// node gives the schema of a column.
func (c *column) node() (schema.Node, error) {
	var logical schema.LogicalType = schema.NoLogicalType{}
	kind := parquet.Types.Int64
	switch c.as {
	case asText:
		logical, kind = schema.StringLogicalType{}, parquet.Types.ByteArray
	case asFloat:
		kind = parquet.Types.Double
	case asBool:
		kind = parquet.Types.Boolean
	case asDay:
		logical, kind = schema.DateLogicalType{}, parquet.Types.Int32
	case asMoment:
		logical = schema.NewTimestampLogicalType(true, schema.TimeUnitMicros)
	}
	return schema.NewPrimitiveNodeLogical(c.name, parquet.Repetitions.Optional, logical, kind, 0, -1)
}

// group writes all rows.
func (t *flat) group(out *file.Writer) error {
	rows := out.AppendRowGroup()
	for _, c := range t.columns {
		chunk, err := rows.NextColumn()
		if err != nil {
			return err
		}
		levels := make([]int16, len(c.has))
		for i, has := range c.has {
			if has {
				levels[i] = 1
			}
		}
		switch chunk := chunk.(type) {
		case *file.ByteArrayColumnChunkWriter:
			_, err = chunk.WriteBatch(present(c, c.texts, func(s string) parquet.ByteArray { return parquet.ByteArray(s) }), levels, nil)
		case *file.Float64ColumnChunkWriter:
			_, err = chunk.WriteBatch(present(c, c.floats, same), levels, nil)
		case *file.BooleanColumnChunkWriter:
			_, err = chunk.WriteBatch(present(c, c.bools, same), levels, nil)
		case *file.Int32ColumnChunkWriter:
			_, err = chunk.WriteBatch(present(c, c.ints, func(v int64) int32 { return int32(v) }), levels, nil)
		case *file.Int64ColumnChunkWriter:
			_, err = chunk.WriteBatch(present(c, c.ints, same), levels, nil)
		default:
			err = errors.New("a type that nobody writes")
		}
		if err := errors.Join(err, chunk.Close()); err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	return rows.Close()
}

func same[T any](v T) T { return v }

// present gives the values of the rows that have one.
func present[T, U any](c *column, values []T, to func(T) U) []U {
	out := make([]U, 0, len(values))
	for i, v := range values {
		if c.has[i] {
			out = append(out, to(v))
		}
	}
	return out
}
