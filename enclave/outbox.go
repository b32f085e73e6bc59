package enclave

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"awase/enclave/vault"
	"awase/entrustment"
)

// The outbox has the files of deliveries, which the front reads. A name is random and
// says nothing. A file is there before the entry that makes it a delivery, and one of
// which there is no entry, or none any more, is swept away.

const (
	deliveryExt = ".delivery"
	partExt     = ".part"
)

var errNoOutbox = &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §4", Field: "campaign", Detail: "the enclave has no outbox to put a delivery into", Mend: "serve the vault with awase serve"}

// outFile is a file on its way into the outbox.
type outFile struct {
	disk vault.FS
	path string
	f    vault.File
	buf  *bufio.Writer
	sum  hash.Hash
	n    int64
}

func (e *Enclave) outPath(id [16]byte) string {
	return filepath.Join(e.self.outbox, outName(id))
}

func outName(id [16]byte) string { return hex.EncodeToString(id[:]) + deliveryExt }

// newOut begins the file of a delivery. Commit or abort ends it.
func (e *Enclave) newOut(id [16]byte) (*outFile, error) {
	if e.self.outbox == "" {
		return nil, errNoOutbox
	}
	o := &outFile{disk: e.disk, path: e.outPath(id), sum: sha256.New()}
	if err := e.disk.Mkdir(e.self.outbox, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("making the outbox: %w", errno(err))
	}
	f, err := e.disk.OpenFile(o.path+partExt, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("beginning a delivery: %w", errno(err))
	}
	o.f, o.buf = f, bufio.NewWriterSize(f, 1<<18)
	return o, nil
}

// Write writes on.
func (o *outFile) Write(p []byte) (int, error) {
	n, err := o.buf.Write(p)
	o.sum.Write(p[:n])
	o.n += int64(n)
	return n, err
}

// commit makes the file durable under its name, and gives its SHA-256.
func (o *outFile) commit() (sum hexID, err error) {
	err = o.buf.Flush()
	if err == nil {
		err = o.f.Sync()
	}
	err = errors.Join(err, o.f.Close())
	o.f = nil
	if err == nil {
		err = o.disk.Rename(o.path+partExt, o.path)
	}
	if err == nil {
		err = o.disk.SyncDir(filepath.Dir(o.path))
	}
	if err != nil {
		return sum, fmt.Errorf("writing a delivery: %w", errno(err))
	}
	return hexID(o.sum.Sum(nil)), nil
}

// abort drops what was not committed.
func (o *outFile) abort() {
	if o.f != nil {
		_ = o.f.Close()
		_ = o.disk.Remove(o.path + partExt) // what is left of it, the next look sweeps away
	}
}

// sweepOutbox removes the files of deliveries that are not to be fetched any more, but
// for those on their way. The room's lock is held.
func (e *Enclave) sweepOutbox() error {
	if e.self.outbox == "" {
		return nil
	}
	names, err := os.ReadDir(e.self.outbox)
	if errors.Is(err, fs.ErrNotExist) { // it is made with the first delivery
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at the outbox: %w", errno(err))
	}
	keep := map[string]bool{}
	for _, c := range e.state.campaigns {
		for _, d := range c.deliveries {
			if d.fetchable() {
				keep[outName(d.ID)] = true
			}
		}
	}
	for id := range e.delivering {
		keep[outName(id)], keep[outName(id)+partExt] = true, true
	}
	for _, n := range names {
		base := strings.TrimSuffix(n.Name(), partExt)
		if keep[n.Name()] || !strings.HasSuffix(base, deliveryExt) || len(base) != 2*16+len(deliveryExt) {
			continue
		}
		if err := e.disk.Remove(filepath.Join(e.self.outbox, n.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing a delivery that is not to be fetched any more: %w", errno(err))
		}
	}
	return nil
}

// thereInOutbox tells whether the file of a delivery is there, as it was written.
func (e *Enclave) thereInOutbox(d *delivered) bool {
	if e.self.outbox == "" {
		return false
	}
	st, err := os.Lstat(e.outPath(d.ID))
	return err == nil && st.Mode().IsRegular() && st.Size() == d.Bytes
}

var _ io.Writer = (*outFile)(nil)
