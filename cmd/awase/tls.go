package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"awase/cmd/awase/config"
	"awase/entrustment"
)

// lookAgain is how often it is looked whether a certificate was replaced.
const lookAgain = 10 * time.Second

// certificate is what the front shows, and reads again when it is replaced.
type certificate struct {
	files  config.TLS
	now    atomic.Pointer[tls.Certificate]
	logger *slog.Logger
	seen   [2]time.Time // when the files were changed that it was read from
}

// loadCertificate reads a certificate and its key.
func loadCertificate(files config.TLS) (*tls.Certificate, error) {
	c, err := tls.LoadX509KeyPair(files.CertFile, files.KeyFile)
	if err != nil {
		return nil, &entrustment.Error{Code: entrustment.CodeFile, Field: "tls.cert_file, tls.key_file", Detail: "they are no certificate and the key of it", Mend: "write both as PEM, the certificate first and then those that it was signed by"}
	}
	return &c, nil
}

// certificateDirs gives the directories that a certificate is read from. A
// certificate that is renewed is another file by the same name, often behind a
// link, so that its directory has to be open and not only the file.
func certificateDirs(files config.TLS) ([]string, error) {
	var out []string
	for _, path := range []string{files.CertFile, files.KeyFile} {
		if path == "" {
			continue
		}
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		out = append(out, filepath.Dir(abs))
		if real, err := filepath.EvalSymlinks(abs); err == nil {
			out = append(out, filepath.Dir(real))
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func openCertificate(files config.TLS, logger *slog.Logger) (*certificate, error) {
	c := &certificate{files: files, logger: logger}
	c.seen = c.changed()
	now, err := loadCertificate(files)
	if err != nil {
		return nil, err
	}
	c.now.Store(now)
	return c, nil
}

// config is how the front speaks TLS.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil }}
}

func (c *certificate) changed() (at [2]time.Time) {
	for i, path := range []string{c.files.CertFile, c.files.KeyFile} {
		if st, err := os.Stat(path); err == nil {
			at[i] = st.ModTime()
		}
	}
	return at
}

// follow reads the certificate again when its files change, and at SIGHUP, until
// ctx ends. One that can't be read changes nothing: it may be half written.
func (c *certificate) follow(ctx context.Context) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		told := false
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			told = true
		case <-tick.C:
		}
		at := c.changed()
		if !told && at == c.seen {
			continue
		}
		next, err := loadCertificate(c.files)
		if err != nil {
			c.logger.LogAttrs(ctx, slog.LevelWarn, "the certificate that is there now can't be used; that from before still is", slog.String("error", err.Error()))
			continue
		}
		c.seen = at
		c.now.Store(next)
		c.logger.LogAttrs(ctx, slog.LevelInfo, "the certificate was read again", slog.String("until", fmt.Sprint(next.Leaf.NotAfter.UTC().Format(time.DateOnly))))
	}
}
