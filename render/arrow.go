package render

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"awase/enclave/wire"
)

// writeArrow writes the flat table as an Arrow IPC file of one record batch.
// Texts are dictionaries; question, privacy and receipt are the schema's
// metadata.
func writeArrow(w io.Writer, r *wire.Release) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing the release as Arrow: %w", err)
		}
	}()
	mem := memory.DefaultAllocator
	t, err := flatten(r)
	if err != nil {
		return err
	}
	fields, columns := make([]arrow.Field, len(t.columns)), make([]arrow.Array, len(t.columns))
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, c := range t.columns {
		if columns[i], err = c.array(mem); err != nil {
			return err
		}
		fields[i] = arrow.Field{Name: c.name, Type: columns[i].DataType(), Nullable: true}
	}
	var keys, values []string
	for _, m := range t.meta {
		keys, values = append(keys, m.name), append(values, m.value)
	}
	about := arrow.NewMetadata(keys, values)
	schema := arrow.NewSchema(fields, &about)
	record := array.NewRecord(schema, columns, int64(t.rows))
	defer record.Release()
	var out tail
	file, err := ipc.NewFileWriter(&out, ipc.WithSchema(schema), ipc.WithAllocator(mem))
	if err != nil {
		return err
	}
	if err := errors.Join(file.Write(record), file.Close()); err != nil {
		return err
	}
	_, err = out.WriteTo(w)
	return err
}

// array makes the Arrow array of a column.
func (c *column) array(mem memory.Allocator) (arrow.Array, error) {
	var b array.Builder
	var put func(row int) error
	switch c.as {
	case asText:
		d := array.NewDictionaryBuilder(mem, &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}).(*array.BinaryDictionaryBuilder)
		b, put = d, func(row int) error { return d.AppendString(c.texts[row]) }
	case asFloat:
		f := array.NewFloat64Builder(mem)
		b, put = f, func(row int) error { f.Append(c.floats[row]); return nil }
	case asBool:
		f := array.NewBooleanBuilder(mem)
		b, put = f, func(row int) error { f.Append(c.bools[row]); return nil }
	case asDay:
		d := array.NewDate32Builder(mem)
		b, put = d, func(row int) error { d.Append(arrow.Date32(c.ints[row])); return nil }
	case asMoment:
		m := array.NewTimestampBuilder(mem, &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"})
		b, put = m, func(row int) error { m.Append(arrow.Timestamp(c.ints[row])); return nil }
	default:
		n := array.NewInt64Builder(mem)
		b, put = n, func(row int) error { n.Append(c.ints[row]); return nil }
	}
	defer b.Release()
	for row, has := range c.has {
		if !has {
			b.AppendNull()
		} else if err := put(row); err != nil {
			return nil, fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	return b.NewArray(), nil
}

// tail is a buffer that tells how far it is: all the seeking that the writer of
// Arrow files does.
type tail struct{ bytes.Buffer }

// Seek tells the position; it moves nowhere.
func (t *tail) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, errors.New("a buffer that is written to the end can't be gone back in")
	}
	return int64(t.Len()), nil
}
