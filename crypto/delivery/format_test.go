package delivery

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDeliveryExample holds the example of docs/deliveries-format.md to the vector
// it is of.
func TestDeliveryExample(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "deliveries-format.md"))
	if err != nil {
		t.Fatal(err)
	}
	vector, err := os.ReadFile(filepath.Join("testdata", "vectors", "ok-users-x25519.txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, file, _ := strings.Cut(string(vector), "\n\n")
	_, block, ok := strings.Cut(string(doc), "```file\n")
	block, _, _ = strings.Cut(block, "```")
	var got strings.Builder
	for line := range strings.Lines(block) {
		digits, _, _ := strings.Cut(line, "|") // what follows explains
		got.WriteString(strings.Join(strings.Fields(digits), ""))
	}
	if want := strings.ReplaceAll(file, "\n", ""); !ok || got.String() != want {
		t.Errorf("the example is not the vector's:\n%s\nwant\n%s", got.String(), want)
	}
	for _, r := range []Reason{NotDelivery, UnknownSuite, MalformedHead, MalformedHeader, Truncated, TrailingBytes, OtherRoom, BadSignature, Expired, OtherSuite, NotOpened, MalformedSlot} {
		if !strings.Contains(string(doc), string(r)) {
			t.Errorf("docs/deliveries-format.md does not tell of %q", r)
		}
	}
}
