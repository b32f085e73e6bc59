package vault

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Key is a vault key.
type Key = [KeySize]byte

// KeySource is where the vault key is kept. No error of a source holds a key.
type KeySource interface {
	// Key gives the key in force. mayMake: the vault is new, and so may its key be.
	Key(ctx context.Context, mayMake bool) (Key, error)
	// Next gives the key that a rotation goes to, or ErrNextKey.
	Next(ctx context.Context) (Key, error)
	// Replace puts next in the place of the key before, and tells whether it
	// durably stands there; false: the operator has to put it there.
	Replace(ctx context.Context, next Key) (bool, error)
}

// ErrNextKey says that a source can't make the key that a rotation goes to, and
// was given none.
var ErrNextKey = errors.New("the vault key is kept where it can't be made; supply the next one")

// ErrNoKey says that a source holds no key.
var ErrNoKey = errors.New("the vault key is not where it is kept")

var errKeyText = errors.New("it does not hold a vault key: 64 hex digits on one line")

// ParseKey reads a key as it is kept: 64 hex digits on one line.
func ParseKey(text []byte) (key Key, err error) {
	if len(text) == 2*KeySize+1 && text[2*KeySize] == '\n' {
		text = text[:2*KeySize]
	}
	if len(text) != 2*KeySize {
		return key, errKeyText
	}
	if _, err := hex.Decode(key[:], text); err != nil {
		return Key{}, errKeyText // what the decoder says repeats a digit
	}
	return key, nil
}

// KeyFile is a KeySource: a file of mode 0600 that this user owns.
type KeyFile struct {
	Path string
	FS   FS // nil: the disk
}

var _ KeySource = KeyFile{}

func (f KeyFile) disk() FS {
	if f.FS == nil {
		return osFS{}
	}
	return f.FS
}

// Key reads the file, or makes it where there is none and mayMake.
func (f KeyFile) Key(_ context.Context, mayMake bool) (key Key, err error) {
	if st, serr := os.Lstat(f.Path); serr == nil {
		owner, ok := st.Sys().(*syscall.Stat_t)
		switch {
		case !st.Mode().IsRegular() || ok && int(owner.Uid) != os.Geteuid():
			return key, errors.New("the vault key is not a file of your own; somebody put it there")
		case st.Mode().Perm()&0o077 != 0:
			return key, errors.New("the vault key can be read by others than you; chmod 600 it, and replace it with awase vault rotate")
		}
	}
	text, err := os.ReadFile(f.Path)
	if errors.Is(err, fs.ErrNotExist) && mayMake {
		rand.Read(key[:])
		return key, f.write(key)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return key, fmt.Errorf("%w: there is no file %s; put it back, or say where it is", ErrNoKey, f.Path)
	}
	if err != nil {
		return key, fmt.Errorf("reading the vault key: %w", err)
	}
	if key, err = ParseKey(text); err != nil {
		return key, fmt.Errorf("the vault key file is damaged: %w", err)
	}
	return key, nil
}

// Next gives a random key.
func (f KeyFile) Next(context.Context) (key Key, err error) {
	rand.Read(key[:])
	return key, nil
}

// Replace replaces the file: after any crash it holds the key before or next.
func (f KeyFile) Replace(_ context.Context, next Key) (bool, error) {
	if err := f.write(next); err != nil {
		return false, fmt.Errorf("replacing the vault key: %w", err)
	}
	return true, nil
}

func (f KeyFile) write(key Key) error {
	return writeAtomic(f.disk(), f.Path, []byte(hex.EncodeToString(key[:])+"\n"), 0o600)
}
