package vault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"awase/crypto/receipt"
)

// A Vault is open in one process at a time.
type Vault struct {
	disk   FS
	dir    string
	source KeySource
	page   keyPage
	root   [KeySize]byte
	mu     sync.Mutex // guards the keys
	keys   *keyFile
	log    *Log
	signer *receipt.Signer
	lock   *os.File
}

// Options says how a vault is opened.
type Options struct {
	Now func() time.Time // the wall clock; nil: time.Now
	// Boot names this start of the machine and gives the clock that says how long
	// ago it was; "" where it can't tell. It is called once. nil: the machine's, or
	// none where Now is set.
	Boot   func() (id string, since func() (time.Duration, error))
	Logger *slog.Logger // nil: discards
	FS     FS           // nil: the disk
	// Key is where the vault key is kept; nil: the file beside the vault, made with
	// it.
	Key KeySource
	// Production: a vault made at first use is no dev vault.
	Production bool
	// Practice: one made at first use is a dev vault whose people are made up. A vault
	// that is there and is none is refused.
	Practice bool
	// Socket is where a service will answer for the vault until it is closed; ""
	// where none will. Who tries to open the vault meanwhile is told.
	Socket string
	// Prepared is what a confined process brought with it; nil: Open does the same
	// itself.
	Prepared *Prepared
}

// fill puts in what was left out.
func (o *Options) fill(dir string) {
	if o.Boot == nil {
		o.Boot = systemBoot
		if o.Prepared != nil {
			o.Boot = o.Prepared.boot
		}
		if o.Now != nil {
			o.Boot = func() (string, func() (time.Duration, error)) { return "", nil }
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FS == nil {
		o.FS = osFS{}
	}
	if o.Key == nil {
		o.Key = KeyFile{filepath.Clean(dir) + ".key", o.FS}
	}
}

// ServedError is that a vault is open in a service, for as long as that runs.
type ServedError struct{ Socket string }

func (e *ServedError) Error() string { return "the vault is served at " + e.Socket }

// Open opens the vault at dir, or makes one there at first use: dir and
// dir.checkpoint, of mode 0700. It
// finishes a rotation of the vault key that was cut short. It waits, until ctx
// ends, while another process has the vault open, but not for a service: that is a
// ServedError.
func Open(ctx context.Context, dir string, o Options) (*Vault, error) {
	o.fill(dir)
	dir = filepath.Clean(dir)
	v := &Vault{disk: o.FS, dir: dir, source: o.Key}
	if o.Prepared == nil {
		if err := makeDirs(v.disk, dir); err != nil {
			return nil, err
		}
	}
	if err := v.takeLock(ctx, o.Logger, o.Socket); err != nil {
		return nil, err
	}
	var err error
	if v.page, err = newKeyPage(); err == nil {
		err = v.open(ctx, o)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the vault: %w", err), v.Close())
	}
	return v, nil
}

func (v *Vault) open(ctx context.Context, o Options) error {
	keys, err := readKeys(v.path("keys"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = v.make(ctx, !o.Production, o.Practice)
	case err == nil:
		v.keys = keys
		if o.Practice && !keys.Practice {
			return ErrPractice
		}
		err = v.unlock(ctx, o.Logger)
	}
	if err != nil {
		return err
	}
	if v.signer, err = receipt.NewSigner(v.Subkey("receipt signing"), "awase/"+v.keys.ID[:16]); err != nil {
		return err
	}
	if err := os.Chmod(v.dir, 0o700); err != nil {
		return err
	}
	if err := makeDir(v.disk, v.path("segments")); err != nil {
		return err
	}
	// A process that died may have left the keys file under its name and the
	// name not durable; what is built on it from here on is.
	if err := v.disk.SyncDir(v.dir); err != nil {
		return err
	}
	if o.Prepared == nil { // likewise the vault's own name and its key's
		if err := v.disk.SyncDir(filepath.Dir(v.dir)); err != nil {
			return err
		}
	}
	v.log, err = openLog(v.path("log"), v.checkpoint(), v.signer, v.Subkey("record log"), v.Subkey("boot ids"), o)
	if err != nil {
		return err
	}
	return v.log.startClock(v.keys.Dev, o.Logger)
}

// make makes a new vault. The keys file is written last: until it stands there
// is no vault, and a crash before that starts over. A directory that holds
// anything but our own beginnings is not taken over.
func (v *Vault) make(ctx context.Context, dev, practice bool) error {
	names, err := os.ReadDir(v.dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		switch n.Name() {
		case "lock", "keys.new", "segments", "log", "log.new":
		default:
			return fmt.Errorf("the directory is not empty and not a vault; name a new one")
		}
	}
	if v.used() {
		return errors.New("the vault was used and has no keys file; restore the keys file from a backup, or name a new vault")
	}
	key, err := v.source.Key(ctx, true)
	if err != nil {
		return err
	}
	*v.page.now() = key
	clear(key[:])
	if v.keys, err = makeKeys(v.page.now(), dev, practice); err != nil {
		return err
	}
	if v.root, err = unwrap(v.page.now(), v.keys.rootLabel(), v.keys.Now.Root); err != nil {
		return err
	}
	signer, err := receipt.NewSigner(v.Subkey("receipt signing"), "awase/"+v.keys.ID[:16])
	if err != nil {
		return err
	}
	if err := makeLog(v.disk, v.path("log"), v.checkpoint(), signer); err != nil {
		return fmt.Errorf("making the record log: %w", err)
	}
	return v.keys.write(v.disk, v.path("keys"))
}

// used tells whether a vault without keys file is what is left of one that was
// used: its log, its segments, or a checkpoint of more than nothing.
func (v *Vault) used() bool {
	if st, err := os.Stat(v.path("log")); err == nil && st.Size() > 0 {
		return true
	}
	if names, err := os.ReadDir(v.path("segments")); err == nil && len(names) > 0 {
		return true
	}
	note, err := os.ReadFile(v.checkpoint())
	return err == nil && !strings.Contains(string(note), "\n0\n")
}

// takeLock makes this process the one that has the vault open. The kernel
// drops the lock when the process ends, however it ends. Another command's end is
// waited for; a service's is not, whose socket the lock file names.
func (v *Vault) takeLock(ctx context.Context, logger *slog.Logger, socket string) error {
	f, err := os.OpenFile(v.path("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("locking the vault: %w", err)
	}
	v.lock = f
	for waited := false; ; waited = true {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			if err := errors.Join(f.Truncate(0), writeAt(f, socket)); err != nil {
				return errors.Join(fmt.Errorf("locking the vault: %w", err), f.Close())
			}
			return nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return errors.Join(fmt.Errorf("locking the vault: %w", err), f.Close())
		}
		if at := servedAt(f); at != "" {
			return errors.Join(&ServedError{at}, f.Close())
		}
		if !waited {
			logger.Info("waiting for another awase command on this vault")
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waiting for another awase command on this vault: %w", ctx.Err()), f.Close())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// servedAt reads the socket that a lock file names; "" where there is none.
func servedAt(f *os.File) string {
	text := make([]byte, 4096)
	n, err := f.ReadAt(text, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return ""
	}
	return string(text[:n])
}

func (v *Vault) path(name string) string { return filepath.Join(v.dir, name) }

// Dev tells whether the vault has no officers and asks no signatures.
func (v *Vault) Dev() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.keys.Dev
}

// ErrPractice is that a vault in earnest was to be opened as one for practice.
var ErrPractice = errors.New("the vault is not one for practice, and what it is was settled when it was made")

// Practice tells whether the vault's people are made up.
func (v *Vault) Practice() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.keys.Practice
}

// Made tells whether there is a vault at dir, finished or not.
func Made(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, "keys"))
	return err == nil
}

// Dir gives the vault's directory.
func (v *Vault) Dir() string { return v.dir }

// ID gives the vault's random public name.
func (v *Vault) ID() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.keys.ID
}

// Signer gives the key that signs receipts and checkpoints.
func (v *Vault) Signer() *receipt.Signer { return v.signer }

// Log gives the record log.
func (v *Vault) Log() *Log { return v.log }

// Sweep removes the segments that keep does not name: what a crash left over,
// and what a newer load replaced.
func (v *Vault) Sweep(keep map[string]bool) error {
	if err := v.log.usable(); err != nil {
		return err
	}
	names, err := os.ReadDir(v.path("segments"))
	if err != nil {
		return err
	}
	for _, n := range names {
		if !keep[strings.TrimSuffix(n.Name(), segmentExt)] {
			if err := v.disk.Remove(filepath.Join(v.path("segments"), n.Name())); err != nil {
				return fmt.Errorf("removing an unused segment: %w", err)
			}
		}
	}
	return nil
}

// Usable gives an error once a write of the record log failed: an entry that nobody knows
// of may be on the disk, so what it might name is not removed.
func (v *Vault) Usable() error { return v.log.usable() }

// RemoveSegments removes segments for good: their names are durably gone. One
// that is gone already is no error.
func (v *Vault) RemoveSegments(ids []string) error {
	if err := v.log.usable(); err != nil {
		return err
	}
	for _, id := range ids {
		path, err := v.segmentPath(id)
		if err == nil {
			err = removeIfThere(v.disk, path)
		}
		if err != nil {
			return fmt.Errorf("removing a segment: %w", err)
		}
	}
	return v.disk.SyncDir(v.path("segments"))
}

// Close lets another process open the vault. What was acknowledged is durable
// without it.
func (v *Vault) Close() error {
	var err error
	if v.log != nil {
		err = v.log.close()
	}
	if v.lock != nil {
		err = errors.Join(err, v.lock.Close())
		v.lock = nil
	}
	if v.page.page != nil {
		v.mu.Lock()
		defer v.mu.Unlock()
		err = errors.Join(err, v.page.page.Close())
	}
	return err
}
