package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"

	"awase/enclave/vault"
)

// child is a process of this program that the supervisor keeps.
type child struct {
	what     string // for a person
	program  string // "": this one
	args     []string
	apart    namespaces
	optional bool // it may be started in the namespaces of its parent where others are not permitted
	// key is what the child is answered for at descriptor 3; nil: it gets none. It
	// gets no other descriptor than that and the standard ones.
	key vault.KeySource
	// secret is what it can read at the descriptor after that of the key; nil: it gets
	// none. No argument and no variable holds it.
	secret []byte
	// files are those that it gets from descriptor 3 on, where it gets neither.
	files []*os.File
	now   atomic.Pointer[os.Process] // the one that runs, or ran last
}

// namespaces are those of its own that a process is started in.
type namespaces struct{ users, network bool }

// run runs the child until it ends. When ctx ends it is told to, by its pid alone,
// and killed where it does not.
func (c *child) run(ctx context.Context, out, errOut io.Writer) error {
	// The kernel ends the child with the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd, keys, err := c.start(ctx, out, errOut)
	if err != nil {
		return err
	}
	c.now.Store(cmd.Process)
	err = cmd.Wait()
	if kerr := keys(); kerr != nil && ctx.Err() == nil {
		fmt.Fprintf(errOut, "awase: answering %s for the vault key: %v\n", c.what, kerr)
	}
	switch {
	case cmd.ProcessState == nil:
	case ctx.Err() != nil && toldToEnd(cmd.ProcessState):
		return nil // it ended as it was told
	case cmd.ProcessState.ExitCode() == statusUnconfined:
		return &unconfinedError{c.what + " can't be confined here, and says why above"}
	case cmd.ProcessState.ExitCode() == statusNotServing:
		return &startError{fmt.Errorf("%s could not begin to serve, and says why above", c.what)}
	}
	return err
}

// statusInterrupted is that of a process that was told to end before it served.
const statusInterrupted = 130

// toldToEnd tells the end of a process that was told to end: also of one that did
// not listen to signals yet.
func toldToEnd(p *os.ProcessState) bool {
	s, ok := p.Sys().(syscall.WaitStatus)
	return p.Success() || p.ExitCode() == statusInterrupted || ok && s.Signaled() && s.Signal() == syscall.SIGTERM
}

// start starts the child. keys is called once the child has ended: it ends answering
// for the vault key, a command that hangs included, and tells what went wrong in it.
func (c *child) start(ctx context.Context, out, errOut io.Writer) (cmd *exec.Cmd, keys func() error, err error) {
	cmd, keys, err = c.startIn(ctx, c.apart, out, errOut)
	if err == nil || !forbidden(err) || c.apart == (namespaces{}) {
		return cmd, keys, err
	}
	if c.optional {
		return c.startIn(ctx, namespaces{}, out, errOut)
	}
	why := errNamespaces
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		why = errno
	}
	return nil, nil, &unconfinedError{fmt.Sprintf("%s can't be given an empty network namespace (%v): user namespaces are not permitted here. Allow them to this program: "+
		"an AppArmor profile with userns for it or kernel.apparmor_restrict_unprivileged_userns=0, user.max_user_namespaces above 0, in a container a seccomp profile that has clone with CLONE_NEWUSER (docs/confinement.md). "+
		"Or, for a dev vault, use --unconfined", c.what, why)}
}

// forbidden tells an error of a kernel that gives no namespaces.
func forbidden(err error) bool {
	for _, e := range []syscall.Errno{syscall.EPERM, syscall.EACCES, syscall.ENOSPC, syscall.EINVAL, syscall.ENOSYS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return errors.Is(err, errNamespaces)
}

var errNamespaces = errors.New("there are none on this system")

func (c *child) startIn(ctx context.Context, apart namespaces, out, errOut io.Writer) (*exec.Cmd, func() error, error) {
	name := c.program
	if name == "" {
		var err error
		if name, err = program(); err != nil {
			return nil, nil, err
		}
	}
	cmd := exec.CommandContext(ctx, name, c.args...)
	cmd.Stdout, cmd.Stderr = out, errOut
	if f, ok := fileOf(out); ok {
		cmd.Stdout = f // no goroutine between
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = endOfAnswer
	var err error
	if cmd.SysProcAttr, err = ownGroup(apart); err != nil {
		return nil, nil, fmt.Errorf("starting %s: %w", c.what, err)
	}
	ours, lent, err := c.hand()
	if err != nil {
		return nil, nil, err
	}
	cmd.ExtraFiles = append(slices.Clone(lent), c.files...)
	err = cmd.Start()
	if err = errors.Join(err, closeFiles(lent)); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("starting %s: %w", c.what, err), closeFiles(ours))
	}
	if ours == nil {
		return cmd, func() error { return nil }, nil
	}
	asked, stop := context.WithCancel(ctx)
	answered := make(chan error, 1)
	go func() { answered <- errors.Join(answerKeys(asked, ours[0], c.key), closeFiles(ours)) }()
	return cmd, func() error {
		stop()
		return <-answered
	}, nil
}
