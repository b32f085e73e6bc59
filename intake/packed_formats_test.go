package intake

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"
	"github.com/xuri/excelize/v2"

	"awase/intake/formats"
)

// workbook is an Excel file of one column.
func workbook(t testing.TB, column string, cells []string) string {
	t.Helper()
	f := excelize.NewFile()
	for i, cell := range append([]string{column}, cells...) {
		must(0, f.SetCellStr("Sheet1", fmt.Sprint("A", i+1), cell))
	}
	var b bytes.Buffer
	must(0, f.Write(&b))
	return b.String()
}

// parquetFile is a Parquet file of one column.
func parquetFile(t testing.TB, column string, cells []string) string {
	t.Helper()
	leaf := must(schema.NewPrimitiveNodeLogical(column, parquet.Repetitions.Required, schema.StringLogicalType{}, parquet.Types.ByteArray, 0, -1))
	root := must(schema.NewGroupNode("schema", parquet.Repetitions.Required, schema.FieldList{leaf}, -1))
	values := make([]parquet.ByteArray, len(cells))
	for i, cell := range cells {
		values[i] = []byte(cell)
	}
	var b bytes.Buffer
	w := file.NewParquetWriter(&b, root)
	c := must(w.AppendRowGroup().NextColumn())
	must(c.(*file.ByteArrayColumnChunkWriter).WriteBatch(values, nil, nil))
	must(0, c.Close())
	must(0, w.Close())
	return b.String()
}

// TestPackedFormats: a workbook or a Parquet file in a packing is read as by
// itself, and in 400 damaged ones each is read or refused, with place and mend
// and no file left.
func TestPackedFormats(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var cells []string
	for i := range 60 {
		cells = append(cells, fmt.Sprintf("taro%d@example.jp", i))
	}
	cells = append(cells, "taro@", "ｊｉｒｏ＠example.jp")
	open := func(content string) (*File, error) {
		return OpenList(t.Context(), strings.NewReader(content), int64(len(content)), nil, Options{Name: "list.bin", MaxLine: 1 << 14, Formats: formats.All()})
	}
	for format, content := range map[string]string{"Excel": workbook(t, "email", cells), "Parquet": parquetFile(t, "email", cells)} {
		f, err := open(content)
		if err != nil {
			t.Fatal(err)
		}
		want, err := collect(f)
		if err != nil || len(want) != len(cells)-1 {
			t.Fatalf("%s: %d rows, %v", format, len(want), err)
		}
		plain := f.Report()
		for name, pack := range packs {
			f, err := open(pack(content))
			if err != nil {
				t.Errorf("%s in %s: %v", format, name, err)
				continue
			}
			got, err := collect(f)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s in %s: %d rows of %d, %v", format, name, len(got), len(want), err)
			}
			// The report is the plain file's but for the packing it names.
			r, want := *f.Report(), *plain
			want.Packing = strings.Fields(name)[0]
			if plain.Packing != "" || !reflect.DeepEqual(r, want) {
				t.Errorf("%s in %s: report is %+v, want %+v", format, name, r, want)
			}
		}
		refused, n := 0, 0
		damage([]byte(content), func(bad []byte) {
			n++
			f, err := open(packs[[]string{"gzip", "zstd", "zip"}[n%3]](string(bad)))
			if err == nil {
				_, err = collect(f)
			}
			if err != nil {
				refused++
				wantFault(t, err, "list.bin", "")
				if strings.Contains(err.Error(), "taro") {
					t.Fatalf("%s: a value is in %q", format, err)
				}
			}
		})
		if refused < 200 {
			t.Errorf("%s: of 400 damaged files in packings %d were refused", format, refused)
		}
		if left := must(os.ReadDir(os.TempDir())); len(left) > 0 {
			t.Errorf("%s: temporary files: %v", format, left)
		}
	}
}
