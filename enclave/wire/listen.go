package wire

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"awase/entrustment"
)

// maxSocket is what fits the kernels' sockaddr_un.
const maxSocket = 103

// Listen makes the socket that an enclave is served at: mode 0600 in a directory
// of mode 0700, made where there is none. Only processes of the same user get
// in, whatever becomes of those modes. A socket that a killed process left is
// replaced; one that is served is not.
func Listen(socket string) (net.Listener, error) {
	if len(socket) > maxSocket {
		return nil, badSocket(fmt.Sprintf("its name has more than %d bytes", maxSocket), "use a shorter one")
	}
	if err := makePrivate(filepath.Dir(socket)); err != nil {
		return nil, err
	}
	lock, err := lockFile(socket + ".lock")
	if err != nil {
		return nil, err
	}
	l, err := listen(socket)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &listener{l, lock}, nil
}

// makePrivate makes the directory of a socket, and holds it to its mode.
func makePrivate(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return badSocket("its directory can't be made", "make the directory "+dir+", mode 0700")
	}
	if !private(dir) {
		return badSocket("its directory can be entered by others", "name one in a directory of mode 0700 of this user: chmod 700 "+dir)
	}
	return nil
}

// Sweep removes the socket that a process left: a confined one can't remove it
// itself, and a killed one does not. One that is served stays.
func Sweep(socket string) error {
	lock, err := lockFile(socket + ".lock")
	if _, served := errors.AsType[*entrustment.Error](err); served {
		return nil
	} else if errors.Is(err, fs.ErrNotExist) {
		return nil // nor its directory
	} else if err != nil {
		return err
	}
	st, err := os.Lstat(socket)
	if err == nil && st.Mode().Type() == fs.ModeSocket {
		err = os.Remove(socket)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, lock.Close())
}

func badSocket(detail, mend string) error {
	return &entrustment.Error{Code: entrustment.CodeFile, Clause: "DESIGN §4", Field: "socket", Detail: detail, Mend: mend}
}

func listen(socket string) (*net.UnixListener, error) {
	switch st, err := os.Lstat(socket); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("making the socket: %w", err)
	case st.Mode().Type() != fs.ModeSocket:
		return nil, badSocket("there is a file of this name that is no socket", "name another")
	default: // nobody serves it: the lock is ours
		if err := os.Remove(socket); err != nil {
			return nil, fmt.Errorf("making the socket: %w", err)
		}
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("making the socket: %w", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("making the socket: %w", err), l.Close())
	}
	return l, nil
}

// listener lets processes of this user in.
type listener struct {
	*net.UnixListener
	lock *os.File
}

// Accept waits for a connection of this user's; others are closed.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if uid, err := peer(c); err == nil && uid == os.Geteuid() {
			return c, nil
		}
		_ = c.Close() // a stranger is told nothing
	}
}

// Close removes the socket, then lets another process serve there.
func (l *listener) Close() error {
	err := l.UnixListener.Close()
	if cerr := l.lock.Close(); !errors.Is(cerr, fs.ErrClosed) {
		err = errors.Join(err, cerr)
	}
	return err
}
