package clickhouse

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// script runs setup.sh with these programs before all others.
func script(t *testing.T, programs map[string]string, args ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("sh", append([]string{filepath.Join(setupFiles, "setup.sh")}, args...)...)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestSetupScript: it refuses what would leave a server open, keeps the key of a
// disk that has one, and its check fails where check.sql finds something.
func TestSetupScript(t *testing.T) {
	root := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(root, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, short := file("password", accountPassword), file("short", "secret\n")
	var server map[string]string
	install := func(from, disk, password string) (string, error) {
		return script(t, server, "install", "--root", root, "--from", from, "--cert", good, "--key", good, "--disk", disk, "--password-file", password)
	}
	for _, c := range []struct{ from, disk, password, says string }{
		{"0.0.0.0/0", "/d/", good, "not everybody's"},
		{"::/0", "/d/", good, "not everybody's"},
		{"192.0.2.1", "d", good, "whole path"},
		{"192.0.2.1", "/d/", short, "fewer than 20"},
		{"192.0.2.1", "/d/", filepath.Join(root, "none"), "can't be read"},
		{"", "/d/", good, "install needs"},
	} {
		if out, err := install(c.from, c.disk, c.password); err == nil || !strings.Contains(out, c.says) {
			t.Errorf("%+v: %v %s", c, err, out)
		}
	}
	env := filepath.Join(root, "etc/awase/clickhouse.env")
	if _, err := os.Stat(env); err == nil {
		t.Fatal("what is refused is written")
	}
	var keys []string
	for range 2 {
		if out, err := install("192.0.2.1", "/d/", good); err != nil {
			t.Fatal(err, out)
		}
		info, err := os.Stat(env)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatal(info, err)
		}
		text, err := os.ReadFile(env)
		if err != nil || strings.Contains(string(text), accountPassword) {
			t.Fatal("the password is written down", err)
		}
		_, key, _ := strings.Cut(string(text), "AWASE_DISK_KEY=")
		key, _, _ = strings.Cut(key, "\n")
		if len(key) != 64 {
			t.Fatal("the key is not of 32 bytes")
		}
		keys = append(keys, key)
	}
	if keys[0] != keys[1] {
		t.Error("installing again changes the key of a disk that has tables")
	}

	// A server that does not know what keeps joins from spilling would not start.
	for version, knows := range map[string]bool{"26.3.12.26": false, "26.4.1.2": false, "26.5.1.7": true, "26.13.0.0": true} {
		server = map[string]string{"clickhouse-server": "echo 'ClickHouse server version " + version + " (official build).'"}
		if out, err := install("192.0.2.1", "/d/", good); err != nil {
			t.Fatal(err, out)
		}
		users, err := os.ReadFile(filepath.Join(root, "etc/clickhouse-server/users.d/awase.xml"))
		if err != nil || strings.Contains(string(users), "before_external_join>") != knows || !strings.Contains(string(users), "before_external_sort>") {
			t.Errorf("%s: %v %s", version, err, users)
		}
	}

	quiet := map[string]string{"clickhouse-client": "exit 0", "ss": "exit 0"}
	if out, err := script(t, quiet, "check"); err != nil || !strings.Contains(out, "all as") {
		t.Error(err, out)
	}
	for what, bad := range map[string]map[string]string{
		"check.sql finds something": {"clickhouse-client": "echo a log of the server is kept", "ss": "exit 0"},
		"the server is not reached": {"clickhouse-client": "exit 1", "ss": "exit 0"},
		"a port without TLS":        {"clickhouse-client": "exit 0", "ss": "echo LISTEN"},
	} {
		if out, err := script(t, bad, "check"); err == nil {
			t.Errorf("%s: it is content: %s", what, out)
		}
	}
}
