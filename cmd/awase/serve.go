package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"awase/cmd/awase/config"
	"awase/enclave/relay"
	"awase/enclave/sandbox"
	"awase/enclave/vault"
	"awase/enclave/wire"
)

func serveCommand() *cobra.Command {
	var s serving
	var f configFlags
	cmd := &cobra.Command{
		Use:   "serve [--config FILE] [--data DIR] …",
		Short: "Run the service: a confined enclave that keeps a vault, and in front of it what people and programs ask",
		Long: "Starts awase enclave in an empty network namespace and hands it the vault key, and awase front, which answers HTTP; and starts each again when it ends, ever slower while it does not last ten seconds. " +
			"It needs no configuration: directories and keys are made in ./awase-data, and the address is printed. It parses no input and opens no vault. SIGTERM or Ctrl-C ends both, then it; what is under way has half a minute. SIGHUP has the certificate read again, where there is one.",
		Args: exactArgs(),
	}
	f.register(cmd)
	s.registerUnconfined(cmd)
	cmd.Flags().BoolVar(&s.dev, "dev", false, "where there is no vault, make a dev vault, for trials: it asks no signatures")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		e, err := f.load(cmd)
		if err != nil {
			return err
		}
		p, _, err := opened(e)
		if err != nil {
			return err
		}
		if _, _, err := engineSecrets(e); err != nil {
			return err
		}
		if err := absolute(&e.Engine); err != nil {
			return err
		}
		s.configure(&e.Config, p)
		s.pass = f.again(cmd)
		return s.supervise(cmd.Context(), &e.Config, p, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// configure takes what the processes are started with.
func (s *serving) configure(c *config.Config, p places) {
	s.vault, s.socket, s.allow = p.vault, p.socket, c.AllowMissing
	s.key = keyFlags{c.VaultKey, c.NextKey}
	s.log, s.practice = logFlags{c.Log.Level, c.Log.Format}, c.Practice
	s.engine = &c.Engine
}

// supervise keeps the enclave and its front running until ctx ends.
func (s *serving) supervise(ctx context.Context, c *config.Config, p places, out, errOut io.Writer) error {
	logger := s.log.logger("serve", errOut)
	found, err := s.settled(ctx, logger)
	if err != nil {
		return err
	}
	if err := p.make(c.Listen != config.NoFront); err != nil {
		return err
	}
	if !found {
		logger.LogAttrs(ctx, slog.LevelInfo, "there is no vault yet: a new one is made, "+s.made())
	}
	closeOnExec() // no process gets what this one was started with
	key, err := s.source(errOut)
	if err != nil {
		return err
	}
	var front *child
	if c.Listen != config.NoFront {
		// The socket is this process's, so that its address outlives a front that
		// died: who asks meanwhile waits for the next.
		l, err := listenAt("listen", c.Listen)
		if err != nil {
			return err
		}
		defer l.Close()
		front = s.front(l)
	}
	var first *child
	if front != nil && s.practice {
		first = &child{what: "who fills the room", args: []string{"practice", "--socket", s.socket, "--data", p.data}}
		logger.LogAttrs(ctx, slog.LevelInfo, "made-up people come in: it answers in a moment")
	}
	secret := s.relaySecret()
	k := kept{enclave: s.enclave(key, secret), relay: s.relay(secret), first: first, front: front, reloads: c.TLS.CertFile != ""}
	err = k.keep(ctx, logger, out, errOut)
	return errors.Join(err, wire.Sweep(s.socket), wire.Sweep(relaySocket(s.socket)))
}

// listenAt opens a TCP listener, as a file for another process.
func listenAt(key, address string) (*os.File, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s: something answers at %s already; name another address with --%s, or port 0 for any that is free", key, address, strings.ReplaceAll(key, ".", "-"))
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w; name another address with --%s", key, err, strings.ReplaceAll(key, ".", "-"))
	}
	defer l.Close()
	return l.(*net.TCPListener).File()
}

// kept are the processes of a service.
type kept struct {
	enclave *child
	relay   *child // nil: no engine is configured
	first   *child // runs to its end before the front begins; nil: none does
	front   *child // nil: there is none
	reloads bool   // the front reads its certificate again at SIGHUP
}

// keep keeps the processes running until ctx ends. The front ends first: what it
// answers to the end may need the enclave, and that the relay. One that can't be
// started ends the others.
func (k *kept) keep(ctx context.Context, logger *slog.Logger, out, errOut io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	carried, stopRelay := make(chan error, 1), func() {}
	if k.relay == nil {
		carried <- nil
	} else {
		var life context.Context
		life, stopRelay = context.WithCancel(context.WithoutCancel(ctx))
		go func() {
			carried <- k.relay.keep(life, logger, out, errOut)
			stop()
		}()
	}
	err := k.keepAsked(ctx, stop, logger, out, errOut)
	stopRelay()
	return errors.Join(err, <-carried)
}

// keepAsked keeps the enclave and the front.
func (k *kept) keepAsked(ctx context.Context, stop func(), logger *slog.Logger, out, errOut io.Writer) error {
	enclave, first, front := k.enclave, k.first, k.front
	if front == nil {
		return enclave.keep(ctx, logger, out, errOut)
	}
	life, stopEnclave := context.WithCancel(context.WithoutCancel(ctx))
	defer stopEnclave()
	served := make(chan error, 1)
	go func() {
		served <- enclave.keep(life, logger, out, errOut)
		stop()
	}()
	if k.reloads {
		hangup := make(chan os.Signal, 1)
		signal.Notify(hangup, syscall.SIGHUP)
		defer signal.Stop(hangup)
		go func() {
			for {
				select {
				case <-ctx.Done():
					return
				case <-hangup:
					if p := front.now.Load(); p != nil {
						_ = p.Signal(syscall.SIGHUP) // one that is gone reads the certificate when it starts
					}
				}
			}
		}()
	}
	var err error
	if first != nil {
		err = first.run(ctx, out, errOut)
	}
	if err == nil && ctx.Err() == nil {
		err = front.keep(ctx, logger, out, errOut)
	}
	stopEnclave()
	return errors.Join(<-served, err)
}

// made says what a vault is that is made at first use.
func (s *serving) made() string {
	switch {
	case s.practice:
		return "a dev vault to rehearse in, whose people are made up"
	case s.dev:
		return "a dev vault without officers"
	}
	return "that takes nothing yet: end this, hold its key ceremony with awase init, and start this again (--dev makes a dev vault in its place)"
}

// enclave is awase enclave, which this process answers for the vault key. secret is
// what its relay shows; nil: it has none.
func (s *serving) enclave(key vault.KeySource, secret []byte) *child {
	args := slices.Concat([]string{"enclave", "--vault", s.vault, "--socket", s.socket, "--key-fd", "3"}, s.kind(), s.log.args())
	if len(s.allow) > 0 {
		args = append(args, "--allow-missing", strings.Join(s.allow, ","))
	}
	args = append(args, engineArgs(s.engine)...)
	if secret != nil {
		args = append(args, "--relay-secret-fd", "4")
	}
	return &child{what: "the enclave", args: s.unconfine(args), apart: namespaces{users: !s.unconfined, network: !s.unconfined},
		optional: slices.Contains(s.allow, string(sandbox.Network)), key: key, secret: secret}
}

// kind gives the flags that say what a vault is that is made.
func (s *serving) kind() (args []string) {
	if s.dev {
		args = append(args, "--dev")
	}
	if s.practice {
		args = append(args, "--practice")
	}
	return args
}

// relaySecret makes what the enclave knows its relay by, whichever of the two is
// started again: the front may connect to where the relay does. nil: no engine is
// configured.
func (s *serving) relaySecret() []byte {
	if s.engine == nil || s.engine.Shards == nil {
		return nil
	}
	secret := relay.NewSecret()
	return secret[:]
}

// relay is awase relay, which gets no key and no file; nil where there is no secret
// for one.
func (s *serving) relay(secret []byte) *child {
	if secret == nil {
		return nil
	}
	args := slices.Concat([]string{"relay", "--socket", relaySocket(s.socket), "--channels", strconv.Itoa(relayChannels(s.engine)), "--relay-secret-fd", "3"}, s.log.args())
	if len(s.allow) > 0 {
		args = append(args, "--allow-missing", strings.Join(s.allow, ","))
	}
	return &child{what: "the relay", args: append(s.unconfine(args), s.engine.Shards...), apart: namespaces{users: !s.unconfined}, optional: true, secret: secret}
}

// front is awase front, which gets no key and needs no network of its own.
func (s *serving) front(l *os.File) *child {
	return &child{what: "the front", args: s.unconfine(append([]string{"front", "--listen-fd", "3"}, s.pass...)), apart: namespaces{users: !s.unconfined}, optional: true, files: []*os.File{l}}
}

func (s *serving) unconfine(args []string) []string {
	if s.unconfined {
		args = append(args, "--unconfined")
	}
	return args
}

// The pace of restarts: the first soon, then ever slower, until the process ran
// for a while.
const (
	firstPause  = 100 * time.Millisecond
	longPause   = 10 * time.Second
	steady      = 10 * time.Second
	endOfAnswer = 75 * time.Second // more than an enclave, or a front, takes to end
)

// keep keeps a process running until ctx ends, and then ends it. One that can't be
// confined is not started again, nor one that could not even begin: what it was
// asked for is wrong. One that served once is, whatever it says.
func (c *child) keep(ctx context.Context, logger *slog.Logger, out, errOut io.Writer) error {
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
		logger.LogAttrs(ctx, slog.LevelWarn, c.what+" ended; it is started again", slog.String("status", ended(err)), slog.String("in", pause.String()))
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
