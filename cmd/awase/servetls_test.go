package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// newCertificate writes a certificate of 127.0.0.1 and its key, as renewing does:
// beside, then by name.
func newCertificate(t *testing.T, dir string, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tpl := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "room"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: private}} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path+".new", pem.EncodeToMemory(block), 0o600), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestServeTLS: with a certificate it answers HTTPS and nothing older than TLS 1.2;
// a certificate that is replaced is used after SIGHUP, and a broken one is not.
func TestServeTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certs := filepath.Join(dir, "certs")
	if err := os.Mkdir(certs, 0o700); err != nil {
		t.Fatal(err)
	}
	first := newCertificate(t, certs, 1)
	r := startRoom(t, dir, "--dev", "--tls-cert-file", "certs/tls.crt", "--tls-key-file", "certs/tls.key")
	if !strings.HasPrefix(r.base, "https://127.0.0.1:") {
		t.Fatalf("it answers at %s", r.base)
	}
	at := strings.TrimPrefix(r.base, "https://")
	trust := func(c *x509.Certificate) {
		pool := x509.NewCertPool()
		pool.AddCert(c)
		r.http = &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true, ForceAttemptHTTP2: true}}
	}
	shown := func() *x509.Certificate {
		c, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0]
	}
	trust(first)
	r.ready()
	if status, h, _ := r.ask("GET", "/setup", ""); status != http.StatusOK || h.Get("Strict-Transport-Security") == "" {
		t.Errorf("%d %v", status, h)
	}
	if c, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
		_ = c.Close()
		t.Error("it speaks TLS 1.1")
	}
	if resp, err := http.Get("http://" + at + "/setup"); err == nil {
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Error("it speaks plain HTTP too")
		}
	}
	hangup := func() {
		t.Helper()
		if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	second := newCertificate(t, certs, 2)
	hangup()
	eventually(t, "the second certificate", func() bool { return shown().Equal(second) })
	trust(second)
	r.ready()
	if err := os.WriteFile(filepath.Join(certs, "tls.crt"), []byte("half a cert"), 0o600); err != nil {
		t.Fatal(err)
	}
	hangup()
	eventually(t, "a word on the broken one", func() bool { return strings.Contains(r.log.text(), "can't be used; that from before still is") })
	if !shown().Equal(second) {
		t.Error("a broken certificate took the place of a good one")
	}
	// It is looked at without a signal, too.
	third := newCertificate(t, certs, 3)
	eventually(t, "the third certificate", func() bool { return shown().Equal(third) })
	r.end()
}
