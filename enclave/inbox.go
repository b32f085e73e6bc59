package enclave

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"awase/entrustment"
)

// openUpload opens a sealed file of the inbox, which the front writes. Its name is
// one that plainName took, so it has no path in it; a link is not followed, and
// what is no plain file is not read, nor waited for.
func (e *Enclave) openUpload(name string) (f *os.File, size int64, err error) {
	if e.self.inbox == "" || !plainName.MatchString(name) {
		return nil, 0, &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §4", Field: "upload", Detail: "the enclave has no such inbox", Mend: "serve it with awase serve"}
	}
	f, err = os.OpenFile(filepath.Join(e.self.inbox, name), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, 0, &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "DESIGN §4", Field: "upload", Detail: "the inbox has no such file", Mend: "upload it again"}
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENXIO): // a link; a socket
		return nil, 0, errUploadFile
	case err != nil:
		return nil, 0, fmt.Errorf("opening a file of the inbox: %w", errno(err))
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = errUploadFile
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, st.Size(), nil
}

var errUploadFile = &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §4", Field: "upload", Detail: "it is no plain file", Mend: "upload it again"}

// errno gives an error of the system without the file's name, which is the asker's.
func errno(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
