package main

import (
	"encoding/json"
	"runtime"
	"runtime/debug"
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

// A build without a version has that of its source; one that knows neither says so.
func TestVersionOfABuild(t *testing.T) {
	at := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}
	for _, row := range []struct {
		version  string
		settings []debug.BuildSetting
		want     string
	}{
		{"v1.2.3", []debug.BuildSetting{at}, "v1.2.3"},
		{devel, []debug.BuildSetting{{Key: "vcs", Value: "git"}, at}, "0123456789ab"},
		{"", []debug.BuildSetting{at}, "0123456789ab"},
		{devel, []debug.BuildSetting{{Key: "vcs.modified", Value: "true"}, at}, "0123456789ab+dirty"},
		{devel, nil, devel},
		{"", []debug.BuildSetting{{Key: "vcs.revision", Value: ""}}, devel},
	} {
		b := debug.BuildInfo{Main: debug.Module{Version: row.version}, Settings: row.settings}
		if got := versionOf(&b); got != row.want {
			t.Errorf("%q with %v: %q, want %q", row.version, row.settings, got, row.want)
		}
	}
}
