package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDemoTakesAwayItsOwnAlone: a demo runs again where nothing is but what a
// demo left, and whatever else is there stays and is named.
func TestDemoTakesAwayItsOwnAlone(t *testing.T) {
	write := func(dir, name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	left := func(ended bool) string {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "demo-out")
		if err := prepareDemo(dir); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"spec.yaml", "spring.csv", "vault/log", "vault.key", "officers/yuki.key", "reports/a b.csv"} {
			write(dir, name, name)
		}
		if ended {
			if err := closeDemo(dir); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	for name, c := range map[string]struct {
		ended bool
		do    func(dir string)
		want  string // in the refusal; "": the demo runs
	}{
		"untouched":              {true, func(string) {}, ""},
		"a file was taken away":  {true, func(dir string) { _ = os.Remove(filepath.Join(dir, "spring.csv")) }, ""},
		"a document was changed": {true, func(dir string) { write(dir, "spec.yaml", "mine") }, "(spec.yaml)"},
		"a vault was added":      {true, func(dir string) { write(dir, "my-vault/log", "mine") }, "(my-vault/log)"},
		"the vault was used":     {true, func(dir string) { write(dir, "vault/log", "more") }, "(vault/log)"},
		"a link was added":       {true, func(dir string) { _ = os.Symlink("/", filepath.Join(dir, "root")) }, "(root)"},
		"much was added": {true, func(dir string) {
			for _, n := range []string{"1", "2", "3", "4", "5"} {
				write(dir, n, n)
			}
		}, "(1, 2, 3 and 2 more)"},
		"it did not end":                  {false, func(string) {}, ""},
		"it did not end, something added": {false, func(dir string) { write(dir, "my-vault/log", "mine") }, "(my-vault/log)"},
		"no mark":                         {true, func(dir string) { _ = os.Remove(filepath.Join(dir, demoMark)) }, "did not make"},
		"an older demo's mark": {true, func(dir string) {
			write(dir, demoMark, "the demo replaces its own files here, and the vault, when it runs again\n")
			write(dir, "docs/spec-2-profile.yaml", "mine")
		}, "(docs/spec-2-profile.yaml)"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := left(c.ended)
			c.do(dir)
			var before, after []string
			list := func(to *[]string) {
				if err := eachFile(dir, func(name string, _ bool) error { *to = append(*to, name); return nil }); err != nil {
					t.Fatal(err)
				}
			}
			list(&before)
			err := prepareDemo(dir)
			list(&after)
			switch {
			case c.want == "" && (err != nil || len(after) != 1):
				t.Errorf("%v; left: %v", err, after)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want %q", err, c.want)
			case c.want != "" && len(after) != len(before):
				t.Errorf("refused and %d of %d files are left", len(after), len(before))
			}
		})
	}
}
