// Package fault is a disk that fails when a test tells it to.
//
// It works on real files, so what is left can be opened without it, and keeps
// beside them what a power cut could not take: a file's bytes as of its last
// Sync, a name as of its directory's last SyncDir. One operation is armed with a
// Fault; Crash then turns the files into one of the things that may be found
// after the power came back.
package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"awase/enclave/vault"
)

// Fault is what happens at the armed operation.
type Fault int

// The faults. None leaves the disk as it is.
const (
	None  Fault = iota
	Error       // it fails, with nothing done; a failed Sync is forgotten by the next, as Linux does
	Short       // a write ends half-way with an error; else as Error
	Full        // this and what needs room after it fail with ENOSPC, a write half-way
	Kill        // this and all after it fail: the process is dead, a write half-way
)

// Crash is what is left of the bytes and names that were not synced.
type Crash int

// The crashes.
const (
	Keep  Crash = iota // all: the process died, the machine did not
	Lose               // nothing
	Cut                // names, and half of the bytes
	Holes              // names, and the later half of the bytes, zeros before them
)

// Op is one operation that changes the disk.
type Op struct{ Name, Path string } // Path below the root

func (o Op) String() string { return o.Name + " " + o.Path }

var (
	errDead   = errors.New("the process is dead")
	errInject = fmt.Errorf("injected: %w", syscall.EIO)
	errFull   = fmt.Errorf("injected: %w", syscall.ENOSPC)
)

// Disk is a vault.FS below one directory. It is safe for concurrent use.
type Disk struct {
	root    string
	mu      sync.Mutex
	live    map[string]*inode // by path
	durable map[string]*inode // names that a power cut leaves
	ops     []Op
	at      int // number of the armed operation in ops
	fault   Fault
	dead    bool
	full    bool
	ignore  func(Op) bool
}

// inode is a file or a directory.
type inode struct {
	dir    bool
	synced []byte
	dirty  [][2]int64 // written since the last Sync, from and to
	// A Sync failed: what it should have written is not written by the next one,
	// which writes what is dirty since.
	wedged bool
}

// sync takes in what a Sync writes of data.
func (n *inode) sync(data []byte) {
	if !n.wedged {
		n.synced, n.dirty = data, nil
		return
	}
	out := make([]byte, len(data))
	copy(out, n.synced)
	if len(n.synced) < len(data) && len(n.dirty) == 0 {
		out = out[:len(n.synced)]
	}
	for _, r := range n.dirty {
		copy(out[min(r[0], int64(len(out))):], data[min(r[0], int64(len(data))):min(r[1], int64(len(data)))])
	}
	n.synced, n.dirty = out, nil
}

var _ vault.FS = (*Disk)(nil)

// New gives a disk below root. What stands there counts as synced.
func New(root string) (*Disk, error) {
	d := &Disk{root: root, live: map[string]*inode{}}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		n := &inode{dir: e.IsDir()}
		if !n.dir {
			n.synced, err = os.ReadFile(path)
		}
		d.live[path] = n
		return err
	})
	d.durable = maps.Clone(d.live)
	return d, err
}

// Arm makes f happen at operation n from now, 0 being the next.
func (d *Disk) Arm(n int, f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at, d.fault = len(d.ops)+n, f
}

// Ops gives the operations so far.
func (d *Disk) Ops() []Op {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.ops)
}

// Ignore makes a sync or syncdir that which chooses do nothing and say that it did.
func (d *Disk) Ignore(which func(Op) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ignore = which
}

// do counts an operation and tells what is to happen to it.
func (d *Disk) do(name, path string, room bool) (Fault, error) {
	d.ops = append(d.ops, Op{name, strings.TrimPrefix(strings.TrimPrefix(path, d.root), "/")})
	if d.dead {
		return Kill, errDead
	}
	f := None
	if d.fault != None && len(d.ops)-1 == d.at {
		f = d.fault
	}
	if f == Full {
		d.full = true
	}
	switch {
	case f == Kill:
		d.dead = true
		return Kill, errDead
	case d.full && room:
		return Full, errFull
	case f == Error || f == Short:
		return f, errInject
	}
	return None, nil
}

// OpenFile opens a file; it counts as an operation where it may make one.
func (d *Disk) OpenFile(name string, flag int, perm fs.FileMode) (vault.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if flag&os.O_CREATE != 0 {
		if _, err := d.do("create", name, true); err != nil {
			return nil, err
		}
	} else if d.dead {
		return nil, errDead
	}
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	if d.live[name] == nil {
		d.live[name] = &inode{}
	}
	return &file{d: d, path: name, n: d.live[name], f: f}, nil
}

// Mkdir makes a directory.
func (d *Disk) Mkdir(name string, perm fs.FileMode) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.do("mkdir", name, true); err != nil {
		return err
	}
	if err := os.Mkdir(name, perm); err != nil {
		return err
	}
	d.live[name] = &inode{dir: true}
	return nil
}

// Rename gives a file another name, in the place of what has it.
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.do("rename", to, false); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	d.live[to] = d.live[from]
	delete(d.live, from)
	return nil
}

// Remove removes a file.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.do("remove", name, false); err != nil {
		return err
	}
	if err := os.Remove(name); err != nil {
		return err
	}
	delete(d.live, name)
	return nil
}

// SyncDir makes the names in a directory durable.
func (d *Disk) SyncDir(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.do("syncdir", name, false); err != nil {
		return err
	}
	if d.ignored() {
		return nil
	}
	in := func(path string, _ *inode) bool { return filepath.Dir(path) == name }
	maps.DeleteFunc(d.durable, in)
	for path, n := range d.live {
		if in(path, n) {
			d.durable[path] = n
		}
	}
	return nil
}

func (d *Disk) ignored() bool { return d.ignore != nil && d.ignore(d.ops[len(d.ops)-1]) }

// file is an open file.
type file struct {
	d *Disk
	// path is the name at the opening: nothing is written or synced after a rename.
	path string
	n    *inode
	f    *os.File
	end  int64 // of what Write wrote
}

func (f *file) Write(p []byte) (int, error) {
	n, err := f.WriteAt(p, f.end)
	f.end += int64(n)
	return n, err
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	dead := f.d.dead
	fault, err := f.d.do("write", f.path, true)
	switch {
	case dead || fault == Error:
		return 0, err
	case err != nil:
		p = p[:len(p)/2]
	}
	n, werr := f.f.WriteAt(p, off)
	f.n.dirty = append(f.n.dirty, [2]int64{off, off + int64(n)})
	return n, errors.Join(err, werr)
}

func (f *file) Truncate(size int64) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if _, err := f.d.do("truncate", f.path, false); err != nil {
		return err
	}
	return f.f.Truncate(size)
}

func (f *file) Sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if _, err := f.d.do("sync", f.path, true); err != nil {
		f.n.wedged, f.n.dirty = true, nil
		return err
	}
	if f.d.ignored() {
		return nil
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	f.n.sync(data)
	return nil
}

func (f *file) Close() error { return f.f.Close() }

// Crash leaves on the disk what a crash of this kind could have, and starts over
// without faults. Who uses the disk has closed its files.
func (d *Disk) Crash(c Crash) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead, d.full, d.fault = false, false, None
	if c == Keep {
		return nil
	}
	names := d.live
	if c == Lose {
		names = d.durable
	}
	for path := range d.live {
		if names[path] != d.live[path] && !d.live[path].dir {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(d.live)) {
		if d.live[path].dir && names[path] == nil {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	for path, n := range names {
		if parent := filepath.Dir(path); n.dir || parent != d.root && names[parent] == nil {
			continue
		}
		left := n.synced
		if c != Lose {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			left = torn(n.synced, data, c)
		}
		if err := os.WriteFile(path, left, 0o600); err != nil {
			return err
		}
		names[path] = &inode{synced: left}
	}
	d.live = names
	maps.DeleteFunc(d.live, func(path string, _ *inode) bool {
		_, err := os.Lstat(path)
		return err != nil
	})
	d.durable = maps.Clone(d.live)
	return nil
}

// torn gives what is left of data where synced was durable.
func torn(synced, data []byte, c Crash) []byte {
	same := 0
	for same < min(len(synced), len(data)) && synced[same] == data[same] {
		same++
	}
	half := same + (len(data)-same)/2
	switch {
	case same == len(data): // cut short, and the cut is lost
		return synced
	case c == Cut:
		return data[:half]
	}
	out := slices.Clone(data)
	clear(out[same:half])
	return out
}
