package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"
	"golang.org/x/sync/errgroup"

	"awase/matcher"
	"awase/matcher/matchbench"
)

// rowGroup is DuckDB's own row group: 122,880 rows.
const rowGroup = 122_880

func parquetFile(path string) string { return strings.TrimSuffix(path, ".bin") + ".parquet" }

// rowFunc gives row i of a table: a token, and what stands beside it in the
// base.
type rowFunc func(i int) (t matchbench.Wide, cluster int32, cell int32)

// writeParquet writes the same rows as the .bin files: tokens as UUID, no
// compression (a token can't be made smaller), no dictionary.
func writeParquet(dir string, s *matchbench.Source) error {
	var g errgroup.Group
	for part := range parts {
		g.Go(func() error {
			for kind := range s.Kinds {
				from, to := partOf(s.Users, part)
				row := func(i int) (matchbench.Wide, int32, int32) {
					return s.Wide(matcher.Kind(kind), from+i), int32(from + i), int32(s.Cell(from + i))
				}
				if err := writeTable(parquetFile(baseFile(dir, kind, part)), to-from, true, row); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// writeParquetList writes one list, a file a kind.
func writeParquetList(dir, list string, s *matchbench.Source) error {
	for kind := range s.Kinds {
		row := func(i int) (matchbench.Wide, int32, int32) { return s.ListWide(matcher.Kind(kind), i), 0, 0 }
		if err := writeTable(parquetFile(listFile(dir, list, kind)), s.List, false, row); err != nil {
			return err
		}
	}
	return nil
}

func writeTable(path string, rows int, base bool, row rowFunc) (err error) {
	root, err := tableSchema(base)
	if err != nil {
		return fmt.Errorf("writing Parquet: %w", err)
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing Parquet: %w", err)
	}
	w := file.NewParquetWriter(f, root, file.WithWriterProps(parquet.NewWriterProperties(
		parquet.WithDictionaryDefault(false), parquet.WithStats(false), parquet.WithCompression(compress.Codecs.Uncompressed))))
	t := tableWriter{w: w, tokens: make([]matchbench.Wide, rowGroup), values: make([]parquet.FixedLenByteArray, rowGroup)}
	for at := 0; at < rows && err == nil; at += rowGroup {
		err = t.group(at, min(rowGroup, rows-at), base, row)
	}
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("writing Parquet: %w", err)
	}
	return nil
}

func tableSchema(base bool) (*schema.GroupNode, error) {
	uuid, err := schema.NewPrimitiveNodeLogical("token", parquet.Repetitions.Required, schema.UUIDLogicalType{}, parquet.Types.FixedLenByteArray, listRecord, -1)
	if err != nil {
		return nil, err
	}
	fields := schema.FieldList{uuid}
	if base {
		fields = append(fields, schema.NewInt32Node("cluster", parquet.Repetitions.Required, -1), schema.NewInt32Node("cell", parquet.Repetitions.Required, -1))
	}
	return schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
}

type tableWriter struct {
	w              *file.Writer
	tokens         []matchbench.Wide
	values         []parquet.FixedLenByteArray
	clusters, cell []int32
}

// group writes n rows from row at on.
func (t *tableWriter) group(at, n int, base bool, row rowFunc) error {
	t.clusters, t.cell = t.clusters[:0], t.cell[:0]
	for i := range n {
		var cluster, cell int32
		t.tokens[i], cluster, cell = row(at + i)
		t.values[i] = t.tokens[i][:]
		t.clusters, t.cell = append(t.clusters, cluster), append(t.cell, cell)
	}
	g := t.w.AppendRowGroup()
	column, err := g.NextColumn()
	if err != nil {
		return err
	}
	tokens, ok := column.(*file.FixedLenByteArrayColumnChunkWriter)
	if !ok {
		return fmt.Errorf("the token column is a %T", column)
	}
	if _, err := tokens.WriteBatch(t.values[:n], nil, nil); err != nil {
		return err
	}
	if !base {
		return g.Close()
	}
	for _, values := range [][]int32{t.clusters, t.cell} {
		column, err := g.NextColumn()
		if err != nil {
			return err
		}
		ints, ok := column.(*file.Int32ColumnChunkWriter)
		if !ok {
			return fmt.Errorf("a number column is a %T", column)
		}
		if _, err := ints.WriteBatch(values, nil, nil); err != nil {
			return err
		}
	}
	return g.Close()
}
