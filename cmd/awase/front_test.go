package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"awase/cmd/awase/config"
)

// TestBorder: a service that ends says so to who asks whether it is ready, and
// answers all else; browsers are held to HTTPS where there is any.
func TestBorder(t *testing.T) {
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, public := range []string{"http://127.0.0.1:1", "https://room.example.jp"} {
		ending := &atomic.Bool{}
		h := (&front{publicURL: public}).border(next, ending)
		ask := func(path string) (int, http.Header) {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			return w.Code, w.Header()
		}
		for _, ends := range []bool{false, true} {
			ending.Store(ends)
			status, header := ask("/readyz")
			if want := map[bool]int{false: http.StatusTeapot, true: http.StatusServiceUnavailable}[ends]; status != want {
				t.Errorf("ending %t: /readyz says %d", ends, status)
			}
			if (header.Get("Strict-Transport-Security") != "") != strings.HasPrefix(public, "https") {
				t.Errorf("%s: %v", public, header)
			}
			if status, _ := ask("/v1/room"); status != http.StatusTeapot {
				t.Errorf("ending %t: a request gets %d", ends, status)
			}
		}
	}
}

// TestApart: no configuration gives the front a directory in which the vault, its
// key, a backup or the engine's password lies, or that lies in one of them, by any name
// of it; nor one to write to in which it would find whom the engine's TLS trusts.
func TestApart(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"certs", "vault", "data"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range map[string]string{"certs/tls.crt": "c", "certs/vault.key": "k", "vault/tls.crt": "c"} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "vault", "tls.crt"), filepath.Join(dir, "certs", "link.crt")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "certs"), filepath.Join(dir, "named")); err != nil {
		t.Fatal(err)
	}
	at := func(path string) string { return filepath.Join(dir, path) }
	for name, c := range map[string]struct {
		c    config.Config
		good bool
	}{
		"apart":                      {config.Config{Data: at("data"), TLS: config.TLS{CertFile: at("certs/tls.crt"), KeyFile: at("certs/tls.crt")}}, true},
		"the key beside":             {config.Config{Data: at("data"), VaultKey: "file:" + at("certs/vault.key"), TLS: config.TLS{CertFile: at("certs/tls.crt"), KeyFile: at("certs/tls.crt")}}, false},
		"the key by a credential":    {config.Config{Data: at("data"), VaultKey: "credential:vault", TLS: config.TLS{CertFile: at("certs/tls.crt"), KeyFile: at("certs/tls.crt")}}, true},
		"the certificate in data":    {config.Config{Data: at("data"), TLS: config.TLS{CertFile: at("data/tls.crt"), KeyFile: at("data/tls.key")}}, false},
		"the certificate above":      {config.Config{Data: at("data"), TLS: config.TLS{CertFile: at("tls.crt"), KeyFile: at("tls.key")}}, false},
		"the certificate in a vault": {config.Config{Data: at("data"), Vault: at("vault"), TLS: config.TLS{CertFile: at("vault/tls.crt"), KeyFile: at("certs/tls.crt")}}, false},
		"a link into the vault":      {config.Config{Data: at("data"), Vault: at("vault"), TLS: config.TLS{CertFile: at("certs/link.crt"), KeyFile: at("certs/tls.crt")}}, false},
		"the key by another name":    {config.Config{Data: at("data"), VaultKey: "file:" + at("named/vault.key"), TLS: config.TLS{CertFile: at("certs/tls.crt"), KeyFile: at("certs/tls.crt")}}, false},
		"the vault in the store":     {config.Config{Data: at("data"), Vault: at("data/control")}, false},
		"the key in the reports":     {config.Config{Data: at("data"), VaultKey: "file:" + at("data/reports/k")}, false},
		"the key in the inbox":       {config.Config{Data: at("data"), VaultKey: "file:" + at("data/vault.inbox/k")}, false},
		"the engine's files":         {config.Config{Data: at("data"), Engine: config.Engine{PasswordFile: at("engine/p"), CAFile: at("engine/ca.crt")}}, true},
		"its password in the data":   {config.Config{Data: at("data"), Engine: config.Engine{PasswordFile: at("data/control/p")}}, false},
		"its password in the outbox": {config.Config{Data: at("data"), Engine: config.Engine{PasswordFile: at("data/vault.outbox/p")}}, false},
		"its password beside":        {config.Config{Data: at("data"), TLS: config.TLS{CertFile: at("certs/tls.crt"), KeyFile: at("certs/tls.crt")}, Engine: config.Engine{PasswordFile: at("certs/p")}}, false},
		"its CA beside":              {config.Config{Data: at("data"), TLS: config.TLS{CertFile: at("certs/tls.crt"), KeyFile: at("certs/tls.crt")}, Engine: config.Engine{CAFile: at("certs/ca.crt")}}, true},
		"its CA in the data":         {config.Config{Data: at("data"), Engine: config.Engine{CAFile: at("data/reports/ca.crt")}}, false},
		"its CA in the inbox":        {config.Config{Data: at("data"), Engine: config.Engine{CAFile: at("data/vault.inbox/ca.crt")}}, false},
	} {
		p, err := placesOf(&c.c)
		if err == nil {
			err = p.apart(&config.Effective{Config: c.c})
		}
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}
