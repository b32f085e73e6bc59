package main

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"awase/internal/freeport"
)

// TestReadmeForReal runs the commands of the README's "As a service" as they are
// written, in one directory, in their order: each service is there, and ends when it
// is told to. Only where they name this machine's own places they are moved: its
// address, ports and /var/lib into the test's.
func TestReadmeForReal(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(repository, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, walk, ok := strings.Cut(string(text), "\n## As a service\n")
	if !ok {
		t.Fatal("the README does not say how to run it as a service")
	}
	walk, _, _ = strings.Cut(walk, "\n## ")
	dir := smallWorld(t)
	for _, officer := range []string{"yuki", "ken"} {
		mustRun(t, dir, "officer", "key", "--out", officer+".key")
	}
	certs := filepath.Join(dir, "certs")
	if err := os.Mkdir(certs, 0o700); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(newCertificate(t, certs, 1))
	secure := &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
	if err := os.WriteFile(filepath.Join(dir, "awase.yaml"), []byte("schema: awase.config/v1\nlisten: 127.0.0.1:0\npublic_url: https://room.example.jp\ndata: room\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	moved := strings.NewReplacer("0.0.0.0:443", "127.0.0.1:0", "127.0.0.1:9740", freeport.Address(t), "/var/lib/awase", filepath.Join(dir, "lib"))
	serve := func(args ...string) {
		t.Helper()
		r := startRoom(t, dir, args...)
		if strings.HasPrefix(r.base, "https://") {
			r.http = secure
		}
		r.ready()
		for _, page := range []string{"/docs", "/openapi.yaml"} {
			if status, _, body := r.ask("GET", page, ""); status != http.StatusOK || body == "" {
				t.Errorf("awase serve %v: %s: %d", args, page, status)
			}
		}
		r.end()
	}
	ran := map[string]int{}
	for line := range strings.Lines(walk) {
		command, indented := strings.CutPrefix(strings.TrimRight(line, "\n"), "    awase ")
		if !indented {
			continue
		}
		command, _, _ = strings.Cut(command, " #")
		args := strings.Fields(moved.Replace(command))
		ran[args[0]]++
		t.Logf("awase %s", strings.Join(args, " "))
		if args[0] == "serve" {
			serve(args[1:]...)
			continue
		}
		mustRun(t, dir, args...)
		if args[0] == "init" { // "then start it again"
			serve()
		}
	}
	if ran["serve"] != 5 || ran["init"] != 1 || ran["config"] != 1 {
		t.Errorf("the README's commands are %v", ran)
	}
}
