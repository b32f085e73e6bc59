package api_test

import (
	"context"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"awase/api"
	"awase/enclave/wire"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// later gives a moment some minutes after another.
func later(t *testing.T, now string) string {
	t.Helper()
	at, err := time.Parse(time.RFC3339, now)
	if err != nil {
		t.Fatal(err)
	}
	return at.Add(5 * time.Minute).Format(time.RFC3339)
}

func pub(raw []byte) ed25519.PublicKey { return raw }

// served gives an enclave as a process of its own would be asked, and ends its
// serving.
func served(t *testing.T, e api.Enclave) (api.Enclave, func()) {
	t.Helper()
	whole, ok := e.(wire.Enclave)
	if !ok {
		t.Fatalf("%T is not an enclave", e)
	}
	dir, err := os.MkdirTemp("", "awase") // a socket's name is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s", "S")
	l, err := wire.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- wire.Serve(ctx, l, whole, wire.Options{}) }()
	die := sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(die)
	c, err := wire.Dial(socket)
	if err != nil {
		t.Fatal(err)
	}
	return c.As("front"), die
}
