package enclave

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"awase/enclave/vault"
	"awase/entrustment"
)

// The outbox has the files of deliveries, which the front reads. A name is random and
// says nothing. A file is written into the vault first, where no front looks on: how fast
// it grows and when it is whole depends on who is in it (attack A14). It comes into the
// outbox at the tick, as fast as its size lets it, which is public. It is there before the
// entry that makes it a delivery, and one of which there is no entry, or none any more, is
// swept away.

const (
	deliveryExt = ".delivery"
	partExt     = ".part"
)

var errNoOutbox = &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §4", Field: "campaign", Detail: "the enclave has no outbox to put a delivery into", Mend: "serve the vault with awase serve"}

// outFile is a file on its way into the outbox: a segment of its bytes, under the
// entrustment's data key.
type outFile struct {
	w   *vault.SegmentWriter
	buf []byte
	put int // columns
	sum hash.Hash
	n   int64
}

func (e *Enclave) outPath(id [16]byte) string {
	return filepath.Join(e.self.outbox, outName(id))
}

func outName(id [16]byte) string { return hex.EncodeToString(id[:]) + deliveryExt }

// newOut begins the file of a delivery. Commit or abort ends it.
func (e *Enclave) newOut(u *underWay) (*outFile, error) {
	w, err := e.vault.NewSegment(dataKey(u.rec.Entrustment))
	if err != nil {
		return nil, fmt.Errorf("beginning a delivery: %w", err)
	}
	e.writing(u, w)
	return &outFile{w: w, sum: sha256.New()}, nil
}

// writing keeps a segment that a delivery writes from being swept away by others, until
// the delivery ends; then it is removed, unless an entry names it.
func (e *Enclave) writing(u *underWay, w *vault.SegmentWriter) {
	id := w.ID()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.copying[id]++
	u.stays = append(u.stays, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.copied(id)
	})
}

// Write writes on.
func (o *outFile) Write(p []byte) (int, error) {
	o.sum.Write(p)
	o.n += int64(len(p))
	o.buf = append(o.buf, p...)
	if len(o.buf) < rowChunk {
		return len(p), nil
	}
	return len(p), o.flush()
}

func (o *outFile) flush() error {
	err := o.w.Put(rowColumn(o.put), o.buf)
	o.put++
	o.buf = o.buf[:0]
	return err
}

// commit makes the file durable in the vault, and gives its SHA-256.
func (o *outFile) commit() (ref vault.SegmentRef, sum hexID, err error) {
	if err := o.flush(); err != nil {
		return ref, sum, fmt.Errorf("writing a delivery: %w", err)
	}
	w := o.w
	o.w = nil
	if ref, err = w.Commit(); err != nil {
		return ref, sum, fmt.Errorf("writing a delivery: %w", err)
	}
	return ref, hexID(o.sum.Sum(nil)), nil
}

// abort drops what was not committed.
func (o *outFile) abort() {
	if o.w != nil {
		_ = o.w.Abort() // what is left of it, the next opening sweeps away
	}
}

// putOut copies the file of a delivery from the vault into the outbox, durably: whole and
// as it was written, or not under its name.
func (e *Enclave) putOut(ctx context.Context, u *underWay) error {
	err := e.disk.Mkdir(e.self.outbox, 0o700)
	if made := err == nil; made || errors.Is(err, fs.ErrExist) {
		err = e.disk.SyncDir(filepath.Dir(e.self.outbox))
		if !made { // what is confined can't, and has one that was made before it
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("making the outbox: %w", errno(err))
	}
	path := e.outPath(u.rec.ID)
	f, err := e.disk.OpenFile(path+partExt, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("beginning a delivery: %w", errno(err))
	}
	sum, n := sha256.New(), 0
	err = e.vault.ReadColumns(u.file, func(name string, part []byte) error {
		if name != rowColumn(n) {
			return vault.ErrSegment
		}
		n++
		if err := ctx.Err(); err != nil {
			return err
		}
		sum.Write(part)
		_, err := f.Write(part)
		return err
	})
	if err == nil && hexID(sum.Sum(nil)) != u.rec.Sealed {
		err = vault.ErrSegment
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = e.disk.Rename(path+partExt, path)
	}
	if err == nil {
		err = e.disk.SyncDir(e.self.outbox)
	}
	if err != nil {
		return fmt.Errorf("writing a delivery: %w", errno(err))
	}
	return nil
}

// sweepOutbox removes the files of deliveries that are not to be fetched any more, but
// for those on their way. The room's lock is held.
func (e *Enclave) sweepOutbox() error {
	if e.self.outbox == "" {
		return nil
	}
	if err := e.vault.Usable(); err != nil {
		return err
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
