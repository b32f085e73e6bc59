//go:build !linux

package sandbox

import (
	"errors"
	"runtime"
	"syscall"
)

const noKernel = "there is none outside Linux"

type (
	before struct{}
	hooks  struct{}
)

func newStatement() *Statement {
	return &Statement{System: runtime.GOOS + "/" + runtime.GOARCH}
}

func confine(o Options, _ hooks) (*Statement, error) {
	if err := o.checkNames(); err != nil {
		return nil, err
	}
	s := Unconfined(noKernel)
	return s, s.missingOf(o.AllowMissing)
}

// Verify tries again what each piece forbids. There is nothing to try here.
func (s *Statement) Verify() error { return errors.New("not confined: " + noKernel) }

// Isolated returns how to start a process in namespaces of its own.
func Isolated() (*syscall.SysProcAttr, error) {
	return nil, errors.New("network namespaces: " + noKernel)
}

func lockedPage(size int) (b []byte, locked bool, why string, err error) {
	return make([]byte, size), false, noKernel, nil
}

func unlockPage([]byte) {}
