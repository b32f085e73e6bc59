package api

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"awase/crypto/seal"
	"awase/entrustment"
)

// inbox is the directory of uploads' files. A file that comes is ID.part, a name
// that the enclave can't be asked to open; when its last byte is on disk it is
// renamed to ID.
//
// The row of an upload is made before its file and outlives it: a file without a
// row that holds one is of nobody, and is swept. So the two agree after a crash at
// any place. What PATCH acknowledged survives the process; after a power cut the
// offset is what the disk has, and the sender goes on from there.
type inbox struct{ dir string }

const partSuffix = ".part"

func openInbox(dir string) (*inbox, error) {
	if dir == "" {
		return nil, errors.New("making the server: no inbox is named")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the inbox: %w", err)
	}
	return &inbox{dir}, nil
}

func (b *inbox) part(id string) string { return filepath.Join(b.dir, id+partSuffix) }
func (b *inbox) path(id string) string { return filepath.Join(b.dir, id) }

// offset gives how many bytes of an upload have come, and when the last one did;
// none came of one without a file.
func (b *inbox) offset(id string) (int64, time.Time, error) {
	st, err := os.Stat(b.part(id))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, time.Time{}, nil
	}
	if err != nil {
		return 0, time.Time{}, inboxError("looking at an upload", err)
	}
	return st.Size(), st.ModTime(), nil
}

// whole tells whether the file of an upload has its last name.
func (b *inbox) whole(id string) (bool, error) {
	_, err := os.Stat(b.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, inboxError("looking at an upload", err)
	}
	return true, nil
}

// errOffset is that bytes are not the next ones.
var errOffset = errors.New("the bytes are not the next ones")

// errNotSealed refuses what is no sealed file before any byte of it is on disk: it
// may be people's addresses as they are.
var errNotSealed = &entrustment.Error{Code: entrustment.CodeFile, Clause: "DESIGN §5", Field: "upload",
	Detail: "it is not a sealed file, and nothing of it was kept", Mend: "seal it at the desk with awase seal, or send it with awase upload, which does"}

// add appends src to an upload, and gives how many bytes of it are in the file.
// What was written before an error stands.
func (b *inbox) add(id string, at int64, src io.Reader) (n int64, err error) {
	var head []byte
	if want := seal.Magic[min(at, int64(len(seal.Magic))):]; want != "" {
		head = make([]byte, len(want))
		got, err := io.ReadFull(src, head)
		head = head[:got]
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, fmt.Errorf("reading an upload: %w", err)
		}
		if !strings.HasPrefix(want, string(head)) {
			return 0, errNotSealed
		}
	}
	f, err := os.OpenFile(b.part(id), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return 0, inboxError("opening an upload's file", err)
	}
	defer func() {
		if cerr := f.Close(); err == nil && cerr != nil {
			err = inboxError("closing an upload's file", cerr)
		}
	}()
	st, err := f.Stat()
	if err != nil {
		return 0, inboxError("looking at an upload's file", err)
	}
	if st.Size() != at { // the lock of the upload is held, so this is a fault; but a file with a hole would be acknowledged
		return 0, errOffset
	}
	written, err := f.Write(head)
	n = int64(written)
	if err == nil {
		var more int64
		more, err = io.Copy(f, src)
		n += more
	}
	if err != nil {
		return n, inboxError("writing an upload", err)
	}
	return n, nil
}

// finish puts the file of an upload, all of whose bytes have come, on disk, and
// gives it its last name. It may be told so twice.
func (b *inbox) finish(id string) error {
	if whole, err := b.whole(id); whole || err != nil {
		return err
	}
	f, err := os.OpenFile(b.part(id), os.O_WRONLY, 0)
	if err != nil {
		return inboxError("finishing an upload", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return inboxError("finishing an upload", err)
	}
	if err := os.Rename(b.part(id), b.path(id)); err != nil {
		return inboxError("finishing an upload", err)
	}
	d, err := os.Open(b.dir)
	if err != nil {
		return inboxError("finishing an upload", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return inboxError("finishing an upload", err)
	}
	return nil
}

// remove removes what there is of an upload's file.
func (b *inbox) remove(id string) error {
	for _, path := range []string{b.part(id), b.path(id)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return inboxError("removing an upload's file", err)
		}
	}
	return nil
}

// ids gives the uploads that have a file.
func (b *inbox) ids() (map[string]bool, error) {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return nil, inboxError("reading the inbox", err)
	}
	out := map[string]bool{}
	for _, e := range entries {
		if id := strings.TrimSuffix(e.Name(), partSuffix); uploadID.MatchString(id) { // nothing else there is ours
			out[id] = true
		}
	}
	return out, nil
}

// inboxError says what the file system says, without a path; a full disk as what
// people can act on.
func inboxError(doing string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &withStatus{&entrustment.Error{Code: entrustment.CodeLimit, Field: "upload", Detail: "the room's disk is full; what came before stands",
			Mend: "tell the operator, and go on with the same upload when there is room"}, 507}
	}
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	} else if le, ok := errors.AsType[*os.LinkError](err); ok {
		err = le.Err
	}
	return fmt.Errorf("%s: %w", doing, err)
}
