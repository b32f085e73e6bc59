package main

import (
	"math"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"awase/enclave/sandbox"
)

// ownGroup keeps a terminal's Ctrl-C from the child, which its parent ends; ends
// it with a parent that was killed, so that two never serve one vault; and gives
// it namespaces of its own.
func ownGroup(apart namespaces) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{}
	if apart.users {
		var err error
		if attr, err = sandbox.Isolated(); err != nil {
			return nil, err
		}
		if !apart.network {
			attr.Cloneflags &^= syscall.CLONE_NEWNET
		}
	}
	attr.Setpgid, attr.Pdeathsig = true, syscall.SIGTERM
	return attr, nil
}

// closeOnExec keeps what this process was started with from those that it starts:
// Go opens nothing else without that mark. A kernel without the call has one that
// is older than Landlock.
func closeOnExec() { _ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) }

// socketPair gives two connected sockets that have no name.
func socketPair() (ours, theirs *os.File, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "the vault key's channel"), os.NewFile(uintptr(fds[1]), "the vault key's channel"), nil
}
