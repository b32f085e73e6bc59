package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be awase itself, for scripts and for tests that
// kill it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"awase": main})
}

// TestScripts runs the commands as people type them; each script says what must
// come out and what must not.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			for name, make := range map[string]func() []byte{"users.csv": smallBase, "list.csv": smallList} {
				if err := os.WriteFile(filepath.Join(env.WorkDir, name), make(), 0o600); err != nil {
					return err
				}
			}
			return writeDocs(env.WorkDir)
		},
	})
}
