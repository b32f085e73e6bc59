package main

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"
)

// TestVersion: the program says what it is, the same by command and by flag.
func TestVersion(t *testing.T) {
	dir := t.TempDir()
	line, err := awase(t, dir, "version").Output()
	if err != nil || !strings.HasPrefix(string(line), "awase "+version()) || !strings.HasSuffix(string(line), runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH+"\n") {
		t.Errorf("version: %v, %s", err, line)
	}
	if flag, err := awase(t, dir, "--version").Output(); err != nil || string(flag) != string(line) {
		t.Errorf("--version: %v, %s", err, flag)
	}
	raw, err := awase(t, dir, "version", "--json").Output()
	var b build
	if err == nil {
		err = json.Unmarshal(raw, &b)
	}
	if err != nil || b.String()+"\n" != string(line) {
		t.Errorf("--json: %v, %s", err, raw)
	}
}
