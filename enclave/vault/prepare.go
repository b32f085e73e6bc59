package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"awase/enclave/sandbox"
)

// Prepared is what a process takes with it into confinement to open a vault
// there: what it can't make or read any more from inside.
type Prepared struct {
	key *sandbox.LockedPage
	id  string
	ago func() (time.Duration, error)
}

// Prepare makes the directories of the vault at dir where there are none, durably,
// and reads which start of the machine this is. key holds the vault key; the vault
// wipes it when it is closed. Whoever opens the vault with what Prepare gives needs
// Dirs alone.
func Prepare(dir string, key *sandbox.LockedPage) (*Prepared, error) {
	if len(key.Bytes()) != KeySize {
		return nil, fmt.Errorf("a vault key has %d bytes", KeySize)
	}
	dir = filepath.Clean(dir)
	if err := makeDirs(osFS{}, dir); err != nil {
		return nil, err
	}
	// A new vault's names are durable before its key is used.
	if err := (osFS{}).SyncDir(filepath.Dir(dir)); err != nil {
		return nil, fmt.Errorf("making the vault: %w", err)
	}
	p := &Prepared{key: key}
	p.id, p.ago = systemBoot()
	return p, nil
}

// KeyLocked tells whether the vault key is kept in memory and out of dumps.
func (v *Vault) KeyLocked() bool {
	locked, _ := v.page.Locked()
	return locked
}

func (p *Prepared) boot() (string, func() (time.Duration, error)) { return p.id, p.ago }

// Dirs gives the directories that an open vault reads and writes. The key file is
// in none of them.
func Dirs(dir string) []string {
	dir = filepath.Clean(dir)
	return []string{dir, dir + checkpointDir}
}

// ReadKey reads the key file of the vault at dir into page; where there is no
// vault and no key, it makes a random one.
func ReadKey(dir string, page *sandbox.LockedPage) error {
	v := &Vault{disk: osFS{}, dir: filepath.Clean(dir)}
	_, err := os.Stat(v.path("keys"))
	key, err := readVaultKey(v.disk, v.keyPath(), errors.Is(err, fs.ErrNotExist) && !v.used())
	if err != nil {
		return err
	}
	copy(page.Bytes(), key[:])
	clear(key[:])
	return nil
}

const (
	checkpointDir  = ".checkpoint"
	checkpointName = "checkpoint"
)

// makeDirs makes the vault's two directories.
func makeDirs(disk FS, dir string) error {
	if base := filepath.Base(dir); base == "." || base == ".." || base == string(filepath.Separator) {
		return fmt.Errorf("a vault is a directory of its own with a name; its key stands beside it")
	}
	for _, d := range Dirs(dir) {
		if err := makeDir(disk, d); err != nil {
			return fmt.Errorf("making the vault: %w", err)
		}
		if st, err := os.Lstat(d); err != nil || !st.IsDir() {
			return fmt.Errorf("the vault is not a directory, or %s beside it is none; name another", filepath.Base(dir)+checkpointDir)
		}
	}
	return nil
}

func (v *Vault) checkpoint() string { return filepath.Join(v.dir+checkpointDir, checkpointName) }

func (v *Vault) keyPath() string { return v.dir + ".key" }

// key gives the vault key where it lies; nil once the vault is closed.
func (v *Vault) key() *[KeySize]byte {
	if b := v.page.Bytes(); len(b) == KeySize {
		return (*[KeySize]byte)(b)
	}
	return nil
}

// takeKey takes the key that was brought, or reads the key file; makes that where
// there is none and mayMake.
func (v *Vault) takeKey(p *Prepared, mayMake bool) error {
	if p != nil {
		v.page = p.key
		return nil
	}
	page, err := sandbox.NewLockedPage(KeySize)
	if err != nil {
		return err
	}
	v.page = page
	key, err := readVaultKey(v.disk, v.keyPath(), mayMake)
	copy(page.Bytes(), key[:])
	clear(key[:])
	return err
}
