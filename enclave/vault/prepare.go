package vault

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Prepared is what a process takes with it into confinement to open a vault
// there: what it can't make or read any more from inside.
type Prepared struct {
	id  string
	ago func() (time.Duration, error)
}

// Prepare makes the directories of the vault at dir where there are none, durably,
// and reads which start of the machine this is. Whoever opens the vault with what
// Prepare gives needs Dirs alone, and a KeySource that is not the file.
func Prepare(dir string) (*Prepared, error) {
	dir = filepath.Clean(dir)
	if err := makeDirs(osFS{}, dir); err != nil {
		return nil, err
	}
	// A new vault's names are durable before its key is used.
	if err := (osFS{}).SyncDir(filepath.Dir(dir)); err != nil {
		return nil, fmt.Errorf("making the vault: %w", err)
	}
	p := &Prepared{}
	p.id, p.ago = systemBoot()
	return p, nil
}

// KeyLocked tells whether the vault key is kept in memory and out of dumps.
func (v *Vault) KeyLocked() bool {
	locked, _ := v.page.page.Locked()
	return locked
}

func (p *Prepared) boot() (string, func() (time.Duration, error)) { return p.id, p.ago }

// Dirs gives the directories that an open vault reads and writes. The key file is
// in none of them.
func Dirs(dir string) []string {
	dir = filepath.Clean(dir)
	return []string{dir, dir + checkpointDir}
}

// OutboxDir is what the name of a vault's outbox ends with, beside the vault.
const OutboxDir = ".outbox"

// BackupsDir is what the name of the directory ends with that a served vault's
// backups are written to, beside the vault: the front, which reads the outbox, does
// not come there.
const BackupsDir = ".backups"

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
