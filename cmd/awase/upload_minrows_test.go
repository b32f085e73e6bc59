package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A rule's min_rows keeps a file with fewer accepted rows from taking a list's place;
// without it the same file does. The console says what became of each.
func TestWatchMinRows(t *testing.T) {
	u := newUploader(t)
	rule := func(guard string) {
		u.write("watch.yaml", "schema: awase.watch/v1\nfiles:\n  - {match: \"vips*.csv\", entrustment: spring, name: vips"+guard+"}\n")
	}
	watch := func(status int) string {
		return u.run(status, "--watch", ".", "--every", "10ms", "--once", "--enclave-key", u.key)
	}
	rule(", min_rows: 100")
	u.write("vips-whole.csv", emails(0, 100)+"no address\n")
	u.write("other.csv", emails(0, 1))
	out := watch(0)
	has(t, out, "vips-whole.csv: done; rows 101, accepted 100, rejected 1", "list vips loaded: 100 distinct rows")
	if n := strings.Count(out, "other.csv: no rule of watch.yaml matches it"); n != 1 {
		t.Errorf("it is said %d times that no rule matches a file:\n%s", n, out)
	}

	u.write("vips-cut.csv", emails(0, 99)+"no address\n") // 100 rows, 99 of them accepted
	has(t, watch(0), "vips-cut.csv: refused; rows 100, accepted 99", "99 rows of it are accepted, and its rule wants at least 100")
	if jobs := u.jobs("list"); jobs["done"] != 1 || len(jobs) != 1 {
		t.Errorf("jobs: %v, want the one of the whole file", jobs)
	}
	reasons := 0
	for _, path := range u.files("refused") {
		if strings.HasSuffix(path, "vips-cut.csv.report.txt") {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			has(t, string(raw), "refused: E_FILE", "min_rows")
			reasons++
		}
	}
	if _, err := os.Stat(filepath.Join(u.dir, "vips-cut.csv")); err == nil || reasons != 1 {
		t.Errorf("the file is where it was, or has %d reasons", reasons)
	}

	rule("") // the twin
	u.write("vips-cut.csv", emails(0, 3))
	has(t, watch(0), "vips-cut.csv: done; rows 3", "list vips loaded: 0 rows added, 97 rows taken away, 3 distinct rows", "reports need a list of at least")
	rule(", min_rows: -1")
	has(t, watch(1), "min_rows")
}
