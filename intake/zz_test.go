package intake
import ("testing";"github.com/apache/arrow/go/v17/parquet";"github.com/apache/arrow/go/v17/parquet/compress";"github.com/apache/arrow/go/v17/parquet/schema")
func TestZZ(t *testing.T){
	values := make([]parquet.ByteArray, 40)
	for i := range values { values[i] = []byte("a@example.jp") }
	node := logical("email", false, schema.StringLogicalType{}, parquet.Types.ByteArray, -1)
	content := writeParquet(t, []pqColumn{{node, values, nil}}, 40, 40, parquet.WithCompression(compress.Codecs.Uncompressed), parquet.WithStats(false))
	t.Logf("%x", content[:100])
}
