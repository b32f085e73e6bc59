package enclave

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"testing"
)

// An engine is opened for the vault that opens it: two vaults are two owners, and one
// is the same again.
func TestEngineOwner(t *testing.T) {
	var owners []string
	o := newCluster().options()
	o.Remote = func(_ context.Context, owner string) (Remote, error) {
		owners = append(owners, owner)
		return nil, errors.New("away")
	}
	dir := filepath.Join(t.TempDir(), "V")
	for _, at := range []string{dir, filepath.Join(t.TempDir(), "V"), dir} {
		e := openWith(t, at, o)
		if _, err := e.dial(t.Context()); err == nil {
			t.Fatal("it is away")
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if hex := regexp.MustCompile(`^[0-9a-f]{16}$`); len(owners) != 3 || owners[0] == owners[1] || owners[0] != owners[2] || !hex.MatchString(owners[0]) {
		t.Error(owners)
	}
}
