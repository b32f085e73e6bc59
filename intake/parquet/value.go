package parquet

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"

	"awase/entrustment"
	"awase/intake/table"
)

// textForm is how a value of a Parquet column is written as text.
type textForm uint8

const (
	formNone    textForm = iota // not read
	formPlain                   // strings as they are, numbers in decimal
	formHex                     // 32 binary bytes: a hash
	formUUID                    // 16 binary bytes
	formDate                    // days since 1970
	formMillis                  // instants: the JST day
	formMicros                  //
	formNanos                   //
	formLocalMS                 // times of a calendar without a zone: its day
	formLocalUS                 //
	formLocalNS                 //
	formDecimal                 // unscaled integer and a scale
	formInt96                   // Impala's timestamp
)

// formOf says how the values of a column are written, and a decimal's scale.
func formOf(c *schema.Column) (textForm, int32) {
	switch t := c.LogicalType().(type) {
	case schema.DateLogicalType, *schema.DateLogicalType:
		return formDate, 0
	case schema.TimestampLogicalType:
		return timestampForm(&t), 0
	case *schema.TimestampLogicalType:
		return timestampForm(t), 0
	case schema.DecimalLogicalType:
		return formDecimal, t.Scale()
	case *schema.DecimalLogicalType:
		return formDecimal, t.Scale()
	case schema.UUIDLogicalType, *schema.UUIDLogicalType:
		return formUUID, 0
	case schema.IntLogicalType, *schema.IntLogicalType, schema.StringLogicalType, *schema.StringLogicalType,
		schema.EnumLogicalType, *schema.EnumLogicalType, schema.NoLogicalType, *schema.NoLogicalType,
		schema.UnknownLogicalType, *schema.UnknownLogicalType, schema.NullLogicalType, *schema.NullLogicalType, nil:
	default: // time of day, interval, JSON, BSON
		return formNone, 0
	}
	switch {
	case c.PhysicalType() == parquet.Types.Int96:
		return formInt96, 0
	case c.PhysicalType() == parquet.Types.FixedLenByteArray && c.TypeLength() == 32:
		return formHex, 0
	}
	return formPlain, 0
}

func timestampForm(t *schema.TimestampLogicalType) textForm {
	f := formMillis
	switch t.TimeUnit() {
	case schema.TimeUnitMicros:
		f = formMicros
	case schema.TimeUnitNanos:
		f = formNanos
	}
	if !t.IsAdjustedToUTC() {
		f += formLocalMS - formMillis
	}
	return f
}

// columnValues holds a batch of one column's values.
type columnValues struct {
	col    column
	reader file.ColumnChunkReader
	levels []int16
	row    int // next row of the batch
	value  int // next value of the batch: nulls have none

	bools   []bool
	int32s  []int32
	int64s  []int64
	int96s  []parquet.Int96
	floats  []float32
	doubles []float64
	strings []parquet.ByteArray
	fixed   []parquet.FixedLenByteArray
}

func newColumnValues(col column, r file.ColumnChunkReader) *columnValues {
	return &columnValues{col: col, reader: r, levels: make([]int16, table.ChunkRows)}
}

// read reads exactly n rows.
func (v *columnValues) read(n int) error {
	v.row, v.value = 0, 0
	var (
		total int64
		err   error
	)
	size := int64(n)
	switch r := v.reader.(type) {
	case *file.BooleanColumnChunkReader:
		v.bools = room(v.bools)
		total, _, err = r.ReadBatch(size, v.bools, v.levels, nil)
	case *file.Int32ColumnChunkReader:
		v.int32s = room(v.int32s)
		total, _, err = r.ReadBatch(size, v.int32s, v.levels, nil)
	case *file.Int64ColumnChunkReader:
		v.int64s = room(v.int64s)
		total, _, err = r.ReadBatch(size, v.int64s, v.levels, nil)
	case *file.Int96ColumnChunkReader:
		v.int96s = room(v.int96s)
		total, _, err = r.ReadBatch(size, v.int96s, v.levels, nil)
	case *file.Float32ColumnChunkReader:
		v.floats = room(v.floats)
		total, _, err = r.ReadBatch(size, v.floats, v.levels, nil)
	case *file.Float64ColumnChunkReader:
		v.doubles = room(v.doubles)
		total, _, err = r.ReadBatch(size, v.doubles, v.levels, nil)
	case *file.ByteArrayColumnChunkReader:
		v.strings = room(v.strings)
		total, _, err = r.ReadBatch(size, v.strings, v.levels, nil)
	case *file.FixedLenByteArrayColumnChunkReader:
		v.fixed = room(v.fixed)
		total, _, err = r.ReadBatch(size, v.fixed, v.levels, nil)
	default:
		return errPage
	}
	if err == nil {
		err = v.reader.Err()
	}
	if err == nil && total != size {
		err = errPage
	}
	return err
}

func room[T any](s []T) []T {
	if s == nil {
		s = make([]T, table.ChunkRows)
	}
	return s
}

// appendNext appends the text of the next row's value; nothing for a null.
func (v *columnValues) appendNext(dst []byte) []byte {
	row := v.row
	v.row++
	if v.col.optional && v.levels[row] == 0 {
		return dst
	}
	i := v.value
	v.value++
	switch v.col.typ {
	case parquet.Types.Boolean:
		return strconv.AppendBool(dst, v.bools[i])
	case parquet.Types.Int32:
		return v.appendInt(dst, int64(v.int32s[i]))
	case parquet.Types.Int64:
		return v.appendInt(dst, v.int64s[i])
	case parquet.Types.Int96:
		return appendInt96(dst, v.int96s[i])
	case parquet.Types.Float:
		return appendFloat(dst, float64(v.floats[i]), 32)
	case parquet.Types.Double:
		return appendFloat(dst, v.doubles[i], 64)
	case parquet.Types.ByteArray:
		return v.appendBytes(dst, v.strings[i])
	default:
		return v.appendBytes(dst, v.fixed[i])
	}
}

func (v *columnValues) appendInt(dst []byte, n int64) []byte {
	switch v.col.text {
	case formDate:
		return appendDay(dst, time.Unix(0, 0).UTC().AddDate(0, 0, int(int32(n))))
	case formMillis:
		return appendDay(dst, time.UnixMilli(n).In(entrustment.JST))
	case formMicros:
		return appendDay(dst, time.UnixMicro(n).In(entrustment.JST))
	case formNanos:
		return appendDay(dst, time.Unix(0, n).In(entrustment.JST))
	case formLocalMS:
		return appendDay(dst, time.UnixMilli(n).UTC())
	case formLocalUS:
		return appendDay(dst, time.UnixMicro(n).UTC())
	case formLocalNS:
		return appendDay(dst, time.Unix(0, n).UTC())
	case formDecimal:
		return appendDecimal(dst, big.NewInt(n), v.col.scale)
	}
	return strconv.AppendInt(dst, n, 10)
}

func (v *columnValues) appendBytes(dst, b []byte) []byte {
	switch v.col.text {
	case formHex:
		return hex.AppendEncode(dst, b)
	case formUUID:
		if len(b) == 16 {
			return fmt.Appendf(dst, "%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
		}
	case formDecimal:
		if len(b) > 32 { // 76 digits
			return dst
		}
		n := new(big.Int).SetBytes(b)
		if len(b) > 0 && b[0]&0x80 != 0 { // two's complement
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
		return appendDecimal(dst, n, v.col.scale)
	}
	return append(dst, b...)
}

// appendDay writes YYYY-MM-DD, or nothing for a year that no one was born in:
// the attribute is then unknown.
func appendDay(dst []byte, t time.Time) []byte {
	if t.Year() < 1 || t.Year() > 9999 {
		return dst
	}
	return t.AppendFormat(dst, time.DateOnly)
}

// appendFloat writes a number without an exponent: tables with gaps hold phone
// numbers and ages as floating point.
func appendFloat(dst []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst
	}
	return strconv.AppendFloat(dst, f, 'f', -1, bits)
}

// appendDecimal writes n·10^-scale.
func appendDecimal(dst []byte, n *big.Int, scale int32) []byte {
	if scale <= 0 || scale > 76 {
		return n.Append(dst, 10)
	}
	if n.Sign() < 0 {
		dst = append(dst, '-')
	}
	digits := new(big.Int).Abs(n).String()
	for len(digits) <= int(scale) {
		digits = "0" + digits
	}
	cut := len(digits) - int(scale)
	return append(append(append(dst, digits[:cut]...), '.'), digits[cut:]...)
}

// julianEpoch is 1970-01-01 as a Julian day.
const julianEpoch = 2440588

// appendInt96 writes the JST day of nanoseconds of a day and a Julian day.
func appendInt96(dst []byte, v parquet.Int96) []byte {
	nanos := int64(binary.LittleEndian.Uint64(v[:8]))
	days := int64(binary.LittleEndian.Uint32(v[8:])) - julianEpoch
	return appendDay(dst, time.Unix(days*86400, nanos).In(entrustment.JST))
}
