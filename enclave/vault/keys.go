package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// KeySize is the length in bytes of the vault key, of the root secret and of
// each data key.
const KeySize = 32

// keyFile is the file V/keys. Wrapped keys are nonce ‖ AES-256-GCM under the
// vault key, with what the key is for as associated data.
type keyFile struct {
	Format int               `json:"format"`
	Dev    bool              `json:"dev"`
	ID     string            `json:"id"` // of the vault: random, public
	Root   []byte            `json:"root"`
	Data   map[string][]byte `json:"data"`
}

const keyFormat = 1

var (
	errUnwrap = errors.New("the key file does not open this vault")
	errClosed = errors.New("the vault is closed")
)

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func wrap(key *[KeySize]byte, what string, secret []byte) ([]byte, error) {
	if key == nil {
		return nil, errClosed
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, secret, []byte(what)), nil
}

func unwrap(key *[KeySize]byte, what string, wrapped []byte) ([KeySize]byte, error) {
	var out [KeySize]byte
	if key == nil {
		return out, errClosed
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return out, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return out, err
	}
	secret, err := aead.Open(nil, nil, wrapped, []byte(what))
	if err != nil || len(secret) != KeySize {
		return out, errUnwrap
	}
	copy(out[:], secret)
	return out, nil
}

// rootLabel binds the flag to the root secret: a vault whose keys file says
// another thing does not open.
func rootLabel(dev bool) string {
	if dev {
		return "awase root secret of a dev vault"
	}
	return "awase root secret"
}

func dataLabel(id string) string { return "awase data key " + id }

// readVaultKey reads the key file, or makes it where there is none and mayMake.
func readVaultKey(disk FS, path string, mayMake bool) (key [KeySize]byte, err error) {
	if st, serr := os.Lstat(path); serr == nil {
		owner, ok := st.Sys().(*syscall.Stat_t)
		switch {
		case !st.Mode().IsRegular() || ok && int(owner.Uid) != os.Geteuid():
			return key, errors.New("the vault key is not a file of your own; somebody put it there")
		case st.Mode().Perm()&0o077 != 0:
			return key, errors.New("the vault key can be read by others than you; chmod 600 it, and think of it as known")
		}
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && mayMake {
		rand.Read(key[:])
		text := hex.EncodeToString(key[:]) + "\n"
		return key, writeAtomic(disk, path, []byte(text), 0o600)
	}
	if err != nil {
		return key, fmt.Errorf("reading the vault key: %w", err)
	}
	if len(raw) != 2*KeySize+1 && len(raw) != 2*KeySize {
		return key, errors.New("the vault key file is damaged: it holds 64 hex digits on one line")
	}
	if _, err := hex.Decode(key[:], raw[:2*KeySize]); err != nil {
		return key, errors.New("the vault key file is damaged: it holds 64 hex digits on one line")
	}
	return key, nil
}

// makeKeys makes the keys of a new vault.
func makeKeys(key *[KeySize]byte, dev bool) (*keyFile, error) {
	var root [KeySize]byte
	var id [16]byte
	rand.Read(root[:])
	rand.Read(id[:])
	wrapped, err := wrap(key, rootLabel(dev), root[:])
	if err != nil {
		return nil, err
	}
	return &keyFile{Format: keyFormat, Dev: dev, ID: hex.EncodeToString(id[:]), Root: wrapped, Data: map[string][]byte{}}, nil
}

func readKeys(path string) (*keyFile, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var k keyFile
	if err := json.Unmarshal(raw, &k); err != nil {
		return nil, errors.New("the vault's keys file is damaged; restore it from a backup")
	}
	if k.Format != keyFormat {
		return nil, fmt.Errorf("the vault's keys file has format %d, this version reads %d", k.Format, keyFormat)
	}
	if k.Data == nil {
		k.Data = map[string][]byte{}
	}
	return &k, nil
}

func (k *keyFile) write(disk FS, path string) error {
	raw, err := json.MarshalIndent(k, "", " ")
	if err != nil {
		return err
	}
	return writeAtomic(disk, path, append(raw, '\n'), 0o600)
}

// Subkey derives the key of one use from the root secret by HKDF-SHA256
// (RFC 5869). A rotation of the vault key changes no subkey.
func (v *Vault) Subkey(use string) (key [KeySize]byte) {
	out, err := hkdf.Key(sha256.New, v.root[:], nil, "awase/v1 "+use, KeySize)
	if err == nil {
		copy(key[:], out)
	}
	return key
}

// MakeDataKey makes the data key named id if there is none. It is durable when
// it returns.
func (v *Vault) MakeDataKey(id string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.keys.Data[id]; ok {
		return nil
	}
	if err := v.log.usable(); err != nil {
		return err
	}
	var key [KeySize]byte
	rand.Read(key[:])
	wrapped, err := wrap(v.key(), dataLabel(id), key[:])
	if err != nil {
		return err
	}
	v.keys.Data[id] = wrapped
	if err := v.keys.write(v.disk, v.path("keys")); err != nil {
		delete(v.keys.Data, id)
		return fmt.Errorf("writing the data key: %w", err)
	}
	return nil
}

func (v *Vault) dataKey(id string) ([KeySize]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	wrapped, ok := v.keys.Data[id]
	if !ok {
		return [KeySize]byte{}, fmt.Errorf("no data key %q", id)
	}
	return unwrap(v.key(), dataLabel(id), wrapped)
}
