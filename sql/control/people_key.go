package control

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const keyLen = 32

// keys are the two uses of control.key: sealing second factors, and naming what
// sign-ins failed for without keeping it.
type keys struct {
	seal  cipher.AEAD
	login []byte
}

// openKeys reads the key file beside the store at path, and makes it where there
// is none and nothing is sealed under one.
func (s *Store) openKeys(ctx context.Context, path string) (keys, error) {
	name := strings.TrimSuffix(path, filepath.Ext(path)) + ".key"
	raw, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		raw, err = s.newKey(ctx, name)
	}
	if err != nil {
		return keys{}, fmt.Errorf("opening the control store's key: %w", err)
	}
	if len(raw) != keyLen {
		return keys{}, fmt.Errorf("the control store's key %s has %d bytes, not %d: put the right one back", name, len(raw), keyLen)
	}
	sealing, err1 := hkdf.Key(sha256.New, raw, nil, "awase control seal", keyLen)
	login, err2 := hkdf.Key(sha256.New, raw, nil, "awase control login", keyLen)
	if err := errors.Join(err1, err2); err != nil {
		return keys{}, fmt.Errorf("deriving the control store's keys: %w", err)
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return keys{}, fmt.Errorf("deriving the control store's keys: %w", err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return keys{}, fmt.Errorf("deriving the control store's keys: %w", err)
	}
	return keys{seal, login}, nil
}

// newKey makes the key file of a store that holds nothing sealed under another.
func (s *Store) newKey(ctx context.Context, name string) ([]byte, error) {
	sealed, err := one(ctx, s, s.write, "person_any_sealed", func(r row) (is bool, err error) { err = r.Scan(&is); return is, err })
	if err != nil {
		return nil, err
	}
	if sealed {
		return nil, fmt.Errorf("%s is gone, and second factors or secrets of webhooks are sealed under it: put back the one that belongs to this control.db", name)
	}
	raw := make([]byte, keyLen)
	_, _ = rand.Read(raw) // never fails
	return raw, writeKey(name, raw)
}

// writeKey writes a key file that is whole or not there, whatever crashes: what
// would be sealed under half of a key would be lost.
func writeKey(name string, raw []byte) error {
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after the rename there is none
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// sealed gives text sealed for one person; nil for none.
func (k keys) sealed(person, text string) []byte {
	if text == "" {
		return nil
	}
	return k.seal.Seal(nil, nil, []byte(text), []byte("totp "+person))
}

// opened gives what was sealed for a person.
func (k keys) opened(person string, raw []byte) (string, error) {
	if raw == nil {
		return "", nil
	}
	text, err := k.seal.Open(nil, nil, raw, []byte("totp "+person))
	if err != nil {
		return "", errors.New("a second factor does not open under control.key: put back the key that belongs to this control.db")
	}
	return string(text), nil
}

// named gives the name that failed sign-ins are kept under.
func (k keys) named(what string) []byte {
	h := hmac.New(sha256.New, k.login)
	h.Write([]byte(what))
	return h.Sum(nil)
}
