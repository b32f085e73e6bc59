package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"awase/enclave/sandbox"
	"awase/enclave/vault"
	"awase/enclave/wire"
)

// defaultFront is where the front listens.
const defaultFront = "127.0.0.1:8740"

func serveCommand() *cobra.Command {
	var s serving
	var listen string
	cmd := &cobra.Command{
		Use:   "serve --vault V --socket S [--listen ADDRESS]",
		Short: "Keep a confined enclave serving a vault: start it, and start it again when it dies",
		Long: "Starts awase enclave in an empty network namespace and hands it the vault key, and awase front in front of it; and starts each again when it ends, ever slower while it does not last ten seconds. " +
			"It parses no input and opens no vault. SIGTERM or Ctrl-C ends both, then it.",
		Args: exactArgs(),
	}
	s.register(cmd)
	cmd.Flags().StringVar(&s.key.next, "next-key", "", "where the key is that awase vault rotate goes to, in the forms of --vault-key; not for a file, whose next key is made (`source`)")
	cmd.Flags().StringVar(&listen, "listen", defaultFront, "the loopback `address` of the front; none: there is no front")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := s.check(); err != nil {
			return err
		}
		if listen != noFront {
			if err := checkLoopback(listen); err != nil {
				return err
			}
		}
		return s.supervise(cmd.Context(), listen, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

const noFront = "none"

// checkLoopback refuses an address that others than this machine reach: the front
// speaks plain HTTP.
func checkLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return usageError{fmt.Errorf("--listen takes a loopback address and a port, as %s: the front speaks plain HTTP; put a proxy with TLS before it", defaultFront)}
	}
	return nil
}

// supervise keeps the enclave and its front running until ctx ends.
func (s *serving) supervise(ctx context.Context, listen string, out, errOut io.Writer) error {
	if err := wantVault(s.vault); err != nil {
		fmt.Fprintf(errOut, "awase: there is no vault at %s: a new one is made, a dev vault without officers (awase init makes one with them)\n", s.vault)
	}
	closeOnExec() // no process gets what this one was started with
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	key, err := s.source(errOut)
	if err != nil {
		return err
	}
	children := []*child{s.enclave(key)}
	if listen != noFront {
		children = append(children, s.front(listen))
	}
	ended := make(chan error, len(children))
	for _, c := range children {
		go func() {
			ended <- c.keep(ctx, out, errOut)
			stop() // one that can't be started ends the other
		}()
	}
	for range children {
		err = errors.Join(err, <-ended)
	}
	return errors.Join(err, wire.Sweep(s.socket))
}

// enclave is awase enclave, which this process answers for the vault key.
func (s *serving) enclave(key vault.KeySource) *child {
	return &child{what: "the enclave", args: s.args("enclave", "--vault", s.vault, "--key-fd", "3"), apart: namespaces{users: !s.unconfined, network: !s.unconfined},
		optional: slices.Contains(s.allow, string(sandbox.Network)), key: key}
}

// front is awase front, which gets no key and needs no network of its own.
func (s *serving) front(listen string) *child {
	return &child{what: "the front", args: s.args("front", "--listen", listen), apart: namespaces{users: !s.unconfined}, optional: true}
}

func (s *serving) args(command string, more ...string) []string {
	args := append([]string{command, "--socket", s.socket}, more...)
	if s.unconfined {
		args = append(args, "--unconfined")
	}
	if len(s.allow) > 0 {
		args = append(args, "--allow-missing", strings.Join(s.allow, ","))
	}
	return args
}

// The pace of restarts: the first soon, then ever slower, until the process ran
// for a while.
const (
	firstPause  = 100 * time.Millisecond
	longPause   = 10 * time.Second
	steady      = 10 * time.Second
	endOfAnswer = 75 * time.Second // more than an enclave takes to end
)

// keep keeps a process running until ctx ends, and then ends it. One that can't be
// confined is not started again, nor one that could not even begin: what it was
// asked for is wrong. One that served once is, whatever it says.
func (c *child) keep(ctx context.Context, out, errOut io.Writer) error {
	served := false
	for pause := firstPause; ; {
		start := time.Now()
		err := c.run(ctx, out, errOut)
		_, died := errors.AsType[*exec.ExitError](err) // no status that says that it did not begin
		if served = served || died || err == nil; ctx.Err() != nil || notConfined(err) || !served {
			return err
		}
		if time.Since(start) > steady {
			pause = firstPause
		}
		if _, err := fmt.Fprintf(errOut, "awase: %s ended (%s); it is started again in %s\n", c.what, ended(err), pause); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, longPause)
	}
}

func ended(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// The exit statuses by which a process tells its supervisor that it can't be
// confined, and that it could not begin to serve.
const (
	statusUnconfined = 3
	statusNotServing = 4
)

// startError is that a process could not begin to serve.
type startError struct{ error }

func (e *startError) Unwrap() error { return e.error }

// unconfinedError is that a process was not confined.
type unconfinedError struct{ why string }

func (e *unconfinedError) Error() string { return e.why }

// notConfined tells whether a process can't be confined here, so that starting it
// again would be of no use.
func notConfined(err error) bool {
	if _, ok := errors.AsType[*unconfinedError](err); ok {
		return true
	}
	_, ok := errors.AsType[*sandbox.MissingError](err)
	return ok
}

// program gives this program, as children run it.
func program() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding this program: %w", err)
	}
	return self, nil
}
