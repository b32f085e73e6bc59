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
	"maps"
	"os"

	"awase/enclave/sandbox"
)

// KeySize is the length in bytes of the vault key, of the root secret and of
// each data key.
const KeySize = 32

// keyFile is the file V/keys. Wrapped keys are nonce ‖ AES-256-GCM under a vault
// key, with what the key is for as associated data.
type keyFile struct {
	Format int  `json:"format"`
	Dev    bool `json:"dev"`
	// Practice: its people are made up. It is a dev vault.
	Practice bool `json:"practice,omitempty"`

	ID  string `json:"id"` // of the vault: random, public
	Now slot   `json:"now"`
	// Next is there while a rotation is under way: what Now holds, under the vault
	// key to come, so that either key opens.
	Next *slot `json:"next,omitempty"`
}

// slot is what one vault key wraps.
type slot struct {
	Generation int64             `json:"generation"`    // of the vault key: 1, and one more with each rotation
	Key        []byte            `json:"key,omitempty"` // in Next: its vault key, under the one in force
	Root       []byte            `json:"root"`
	Data       map[string][]byte `json:"data"`
}

const keyFormat = 2

var (
	errUnwrap = errors.New("the vault key does not open this vault")
	errClosed = errors.New("the vault is closed")
)

// keyPage holds the vault keys: the one in force and, during a rotation, the one
// to come, in one locked page. It is nil where the vault is closed.
type keyPage struct{ page *sandbox.LockedPage }

func newKeyPage() (keyPage, error) {
	page, err := sandbox.NewLockedPage(2 * KeySize)
	if err != nil {
		return keyPage{}, fmt.Errorf("making a page for the vault key: %w", err)
	}
	return keyPage{page}, nil
}

// now gives the key in force where it lies; nil once the page is closed.
func (p keyPage) now() *Key {
	if b := p.page.Bytes(); len(b) == 2*KeySize {
		return (*Key)(b[:KeySize])
	}
	return nil
}

// next gives the key to come likewise.
func (p keyPage) next() *Key {
	if b := p.page.Bytes(); len(b) == 2*KeySize {
		return (*Key)(b[KeySize:])
	}
	return nil
}

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

// rootLabel binds what the vault is to the root secret: one whose keys file says
// another thing does not open.
func (k *keyFile) rootLabel() string {
	switch {
	case k.Practice:
		return "awase root secret of a practice vault"
	case k.Dev:
		return "awase root secret of a dev vault"
	}
	return "awase root secret"
}

func dataLabel(id string) string { return "awase data key " + id }

// makeKeys makes the keys of a new vault.
func makeKeys(key *[KeySize]byte, dev, practice bool) (*keyFile, error) {
	var root [KeySize]byte
	var id [16]byte
	rand.Read(root[:])
	rand.Read(id[:])
	k := &keyFile{Format: keyFormat, Dev: dev, Practice: practice, ID: hex.EncodeToString(id[:])}
	wrapped, err := wrap(key, k.rootLabel(), root[:])
	if err != nil {
		return nil, err
	}
	k.Now = slot{Generation: 1, Root: wrapped, Data: map[string][]byte{}}
	return k, nil
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
	if k.Practice && !k.Dev {
		return nil, errors.New("the vault's keys file is damaged; restore it from a backup")
	}
	for _, s := range []*slot{&k.Now, k.Next} {
		if s != nil && s.Data == nil {
			s.Data = map[string][]byte{}
		}
	}
	return &k, nil
}

func (k *keyFile) write(disk FS, path string) error {
	raw, err := k.encode()
	if err != nil {
		return err
	}
	return writeAtomic(disk, path, raw, 0o600)
}

func (k *keyFile) encode() ([]byte, error) {
	raw, err := json.MarshalIndent(k, "", " ")
	return append(raw, '\n'), err
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
	if _, ok := v.keys.Now.Data[id]; ok {
		return nil
	}
	var key [KeySize]byte
	rand.Read(key[:])
	err := v.change(func(k *keyFile) (err error) {
		if k.Now.Data[id], err = wrap(v.page.now(), dataLabel(id), key[:]); err == nil && k.Next != nil {
			k.Next.Data[id], err = wrap(v.page.next(), dataLabel(id), key[:])
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("writing the data key: %w", err)
	}
	return nil
}

// DestroyDataKey takes the data key named id out of the keys file. What is under
// it opens no more with this file; a copy of the file made before needs the vault
// key of then, so a rotation has to follow. An unknown one is no error.
func (v *Vault) DestroyDataKey(id string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.keys.Now.Data[id]; !ok {
		return nil
	}
	err := v.change(func(k *keyFile) error {
		delete(k.Now.Data, id)
		if k.Next != nil {
			delete(k.Next.Data, id)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("destroying a data key: %w", err)
	}
	return nil
}

// change writes another keys file. It is durable when change returns nil; after
// an error the disk holds the one before or the other, and the vault goes on with
// the one before. The lock on the keys is held.
func (v *Vault) change(to func(*keyFile) error) error {
	if v.log != nil { // else it is being opened
		if err := v.log.usable(); err != nil {
			return err
		}
	}
	next := *v.keys
	next.Now.Data = maps.Clone(next.Now.Data)
	if next.Next != nil {
		other := *next.Next
		other.Data = maps.Clone(other.Data)
		next.Next = &other
	}
	if err := to(&next); err != nil {
		return err
	}
	if err := next.write(v.disk, v.path("keys")); err != nil {
		return err
	}
	v.keys = &next
	return nil
}

func (v *Vault) dataKey(id string) ([KeySize]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	wrapped, ok := v.keys.Now.Data[id]
	if !ok {
		return [KeySize]byte{}, fmt.Errorf("no data key %q", id)
	}
	return unwrap(v.page.now(), dataLabel(id), wrapped)
}
