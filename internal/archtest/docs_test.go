package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testNamed   = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)(?:/[^`]*)?`")
	testWritten = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)\(`)
)

// tests gives the names of all tests, those of modules of their own too.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	walk(t, "_test.go", func(_ string, text []byte) {
		for _, m := range testWritten.FindAllSubmatch(text, -1) {
			there[string(m[1])] = true
		}
	})
	return there
}

// walk reads every file of the repository whose name ends so.
func walk(t *testing.T, end string, read func(path string, text []byte)) {
	t.Helper()
	root := filepath.Join("..", "..")
	n := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "bin") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, end) {
			return nil
		}
		text, err := os.ReadFile(path)
		n++
		read(path, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 5 {
		t.Fatalf("only %d files were read: the walk is wrong", n)
	}
}

// TestNamedTests: a test that a document names is there. What stops an attack is
// named by its test; a name that nothing bears stops nothing.
func TestNamedTests(t *testing.T) {
	there := tests(t)
	named := 0
	walk(t, ".md", func(path string, text []byte) {
		for _, m := range testNamed.FindAllSubmatch(text, -1) {
			named++
			if !there[string(m[1])] {
				t.Errorf("%s names %s, which is no test", path, m[1])
			}
		}
	})
	if named < 100 {
		t.Errorf("only %d names were found", named)
	}
}

// unstopped are the rows of the threat model that say that nothing stops it.
var unstopped = regexp.MustCompile(`\| (Nothing of ours|Nothing|Only those rules)[.:;]? `)

// TestThreatsAreTested: every row of who can do what names a test of what stops
// them, or says that nothing does.
func TestThreatsAreTested(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "threat-model.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "\n## Who can do what\n")
	table, _, _ = strings.Cut(table, "\n## ")
	rows := 0
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| **") {
			continue
		}
		rows++
		cells := strings.Split(line, " | ")
		if len(cells) != 4 {
			t.Errorf("a row of %d cells: %.60s", len(cells), line)
		} else if !testNamed.MatchString(cells[2]) && !unstopped.MatchString("| "+cells[2]+" ") {
			t.Errorf("no test: %.60s", line)
		}
	}
	if !ok || rows < 25 {
		t.Errorf("%d rows", rows)
	}
}
