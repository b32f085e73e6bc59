package seal

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWorkedExample holds the example of docs/format.md to the vector it is of.
func TestWorkedExample(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "format.md"))
	if err != nil {
		t.Fatal(err)
	}
	vector, err := os.ReadFile(filepath.Join("testdata", "vectors", "ok-list-x25519.txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, file, _ := strings.Cut(string(vector), "\n\n")
	c, _, _ := crafts()
	rows, _, _ := craftRows()
	for _, example := range []struct{ fence, want string }{
		{"```file\n", strings.ReplaceAll(file, "\n", "")},
		{"```record\n", hex.EncodeToString(c.rows(t, rows)[0])},
	} {
		_, block, ok := strings.Cut(string(doc), example.fence)
		if !ok {
			t.Fatalf("no %q in docs/format.md", example.fence)
		}
		block, _, _ = strings.Cut(block, "```")
		var got strings.Builder
		for line := range strings.Lines(block) {
			digits, _, _ := strings.Cut(line, "|") // what follows explains
			got.WriteString(strings.Join(strings.Fields(digits), ""))
		}
		if got.String() != example.want {
			t.Errorf("%q is not the vector's:\n%s\nwant\n%s", example.fence, got.String(), example.want)
		}
	}
}
