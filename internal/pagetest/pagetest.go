// Package pagetest plays what people do in the page in Chromium, for the tests of the
// program and of modules of their own. What is played is a script of web/test.
package pagetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"awase/web"
)

// Tools are what a day in the browser needs beside a room.
type Tools struct {
	Node, Chromium string // programs
	Shots          string // where screenshots go
	web            string // the page's sources
}

// Want gives the tools, of the repository at root. Where there is no browser, or no page
// in this program, the test is not run; with CI set it fails.
func Want(t testing.TB, root string) Tools {
	t.Helper()
	root, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	var missing error
	find := func(program string) string {
		path, err := exec.LookPath(program)
		missing = errors.Join(missing, err)
		return path
	}
	tools := Tools{Node: find("node"), Chromium: find("chromium"), Shots: filepath.Join(root, "bin", "page"), web: filepath.Join(root, "web")}
	if _, err := os.Stat(filepath.Join(tools.web, "node_modules", "playwright-core")); err != nil {
		missing = errors.Join(missing, err)
	}
	if site, err := web.Embedded(); err != nil {
		t.Fatal(err)
	} else if !site.Built() {
		missing = errors.Join(missing, errors.New("the page is not built (make web)"))
	}
	if missing == nil {
		return tools
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("NOT RUN, and CI has to: %v", missing)
	}
	t.Skipf("NOT RUN: the page in a browser (make deps web): %v", missing)
	return tools
}

// Result is what a script says at its end.
type Result struct {
	Faults  []string // what was wrong
	Screens []string // which were looked at
	Secrets []string // what must be in no address
	Facts   map[string]any
}

// Run plays a script, which reads room as JSON. dir is a folder of the test.
func (tools Tools) Run(t testing.TB, dir, script string, room any) (out Result) {
	t.Helper()
	raw, err := json.Marshal(room)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "room.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := tools.Command(t, dir, script, file)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	if err := errors.Join(err, json.Unmarshal(stdout.Bytes(), &out)); err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, stdout.String(), stderr.String())
	}
	if stderr.Len() > 0 {
		out.Faults = append(out.Faults, fmt.Sprintf("node says: %s", stderr.String()))
	}
	return out
}

// Command gives what runs a script of web/test with arguments; what it keeps for itself
// is in dir.
func (tools Tools) Command(t testing.TB, dir, script string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), tools.Node, append([]string{filepath.Join("test", script+".mjs")}, args...)...)
	cmd.Dir, cmd.WaitDelay = tools.web, time.Minute
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, "CHROMIUM="+tools.Chromium)
	return cmd
}
