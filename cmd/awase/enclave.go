package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"awase/cmd/awase/config"
	"awase/enclave"
	"awase/enclave/sandbox"
	"awase/enclave/vault"
	"awase/enclave/wire"
)

// serving are the flags of a served vault. The supervisor gives its processes what
// it was given.
type serving struct {
	vault, socket string
	unconfined    bool
	allow         []string // names of pieces that may be missing
	dev           bool     // a vault that is made is a dev vault
	practice      bool     // likewise, and its people are made up
	key           keyFlags
	log           logFlags
	pass          []string // flags that the front is configured by
	engine        *config.Engine
	remote        *remote // the enclave's way to it; nil: none is configured
}

func (s *serving) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.vault, "vault", "", "the vault's `directory`; made where there is none, its key beside it: it then waits for awase init")
	f.BoolVar(&s.dev, "dev", false, "where there is no vault, make a dev vault, for trials: it asks no signatures")
	f.BoolVar(&s.practice, "practice", false, "where there is no vault, make a dev vault to rehearse in, whose people are made up: every release says so")
	s.key.register(cmd)
	s.registerSocket(cmd)
}

func (s *serving) registerSocket(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.socket, "socket", "", "the `socket` to serve at, in a directory of mode 0700 that is made where there is none")
	f.StringSliceVar(&s.allow, "allow-missing", nil, "`pieces` of confinement that this kernel may lack, as awase attestation names them; every receipt names those that are missing")
	s.log.register(cmd)
	s.registerUnconfined(cmd)
}

func (s *serving) registerUnconfined(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&s.unconfined, "unconfined", false, "a dev vault only: let nothing confine the process; every receipt says so")
}

func (s *serving) check() error {
	if s.vault == "" || s.socket == "" {
		return usageError{errors.New("name the vault's directory with --vault and the socket with --socket")}
	}
	return s.checkAllowed()
}

func (s *serving) checkAllowed() error {
	for _, n := range s.allow {
		if !slices.Contains(sandbox.Names(), sandbox.Name(n)) {
			return usageError{fmt.Errorf("--allow-missing: no piece of confinement is called %q; there are %v", n, sandbox.Names())}
		}
	}
	return nil
}

func (s *serving) allowed(also ...sandbox.Name) []sandbox.Name {
	out := slices.Clone(also)
	for _, n := range s.allow {
		out = append(out, sandbox.Name(n))
	}
	return out
}

func enclaveCommand() *cobra.Command {
	var s serving
	var keyFD, secretFD int
	cmd := &cobra.Command{
		Use:   "enclave --vault V --socket S (--key-fd N | --unconfined)",
		Short: "Serve a vault to other processes, until it is told to end",
		Long: "The process that awase serve starts, and that sees plaintext: it confines itself, asks its supervisor for the vault key, opens the vault and answers at a unix socket until SIGTERM or Ctrl-C; " +
			"then what is under way has half a minute to end. Commands reach it with --enclave S, or with " + enclaveEnv + " set to S. Only processes of the same user get in. " +
			"Who asked what, and how it ended, is written to standard error.",
		Args: exactArgs(),
	}
	s.register(cmd)
	registerKeys(cmd.Flags(), engineKeys())
	cmd.Flags().IntVar(&keyFD, "key-fd", 0, "the `descriptor` at which the supervisor answers for the vault key")
	cmd.Flags().IntVar(&secretFD, "relay-secret-fd", 0, "the `descriptor` at which it reads what its relay shows, where a ClickHouse is configured")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := s.check(); err != nil {
			return err
		}
		channel, err := s.channel(keyFD, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		g := config.Given{Flags: map[string][]string{}} // what its supervisor says, and no variable
		given(cmd, g.Flags)
		e, err := config.Load(g)
		if err != nil {
			return err
		}
		if s.remote, err = openRemote(e); err != nil {
			return &startError{err}
		}
		if s.remote != nil {
			if s.remote.secret, err = relaySecretAt(secretFD, s.unconfined); err != nil {
				return err
			}
		}
		ready, err := s.open(cmd.Context(), channel, cmd.ErrOrStderr())
		if err != nil {
			return &startError{err}
		}
		return s.serveVault(cmd.Context(), ready, cmd.ErrOrStderr())
	}
	return cmd
}

// channel gives the source of the vault key that --key-fd names; nil: none.
func (s *serving) channel(fd int, errOut io.Writer) (vault.KeySource, error) {
	switch {
	case fd != 0 && s.key != (keyFlags{}):
		return nil, usageError{errors.New("--key-fd is where the supervisor hands the key in, so leave --vault-key out")}
	case fd != 0:
		return openKeyChannel(fd)
	case !s.unconfined:
		return nil, usageError{errors.New("awase serve starts a confined enclave and hands it the vault key; name the descriptor with --key-fd, or, for a dev vault, use --unconfined")}
	}
	return s.source(errOut)
}

// source gives the source of the vault key that the flags name.
func (s *serving) source(errOut io.Writer) (vault.KeySource, error) {
	dir, err := filepath.Abs(s.vault)
	if err != nil {
		return nil, err
	}
	source, err := s.key.source(dir, errOut)
	if source == nil && err == nil {
		source = vault.KeyFile{Path: dir + ".key"}
	}
	return source, err
}

// ready is an open vault, and where it will be served.
type ready struct {
	e *enclave.Enclave
	l net.Listener
}

// open confines the process and opens the vault. What a confined process can't do
// any more comes first: reading this program, making directories and the socket.
// The vault is opened, and its files are read, from inside.
func (s *serving) open(ctx context.Context, key vault.KeySource, errOut io.Writer) (*ready, error) {
	at, errAt := filepath.Abs(s.socket)
	dir, errDir := filepath.Abs(s.vault)
	if err := errors.Join(errAt, errDir); err != nil {
		return nil, err
	}
	o := enclave.Options{Logger: s.log.logger("enclave", errOut), Socket: at, Key: key, Officers: !s.dev && !s.practice, Practice: s.practice}
	var err error
	if o.Build, err = buildHash(); err != nil {
		return nil, err
	}
	if o.Prepared, err = vault.Prepare(dir); err != nil {
		return nil, fileError(s.vault, err)
	}
	inbox, outbox, backups := dir+".inbox", dir+vault.OutboxDir, dir+vault.BackupsDir
	for _, d := range []string{inbox, outbox, backups} {
		if err := os.Mkdir(d, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, fileError(d, err)
		}
	}
	o.Inbox, o.Outbox, o.Backups = inbox, outbox, backups
	l, err := wire.Listen(s.socket)
	if err != nil {
		return nil, err
	}
	if s.remote != nil {
		if err := s.remote.listen(relaySocket(s.socket), &o); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	if !s.unconfined {
		keep := sandbox.ForEnclave(vault.Dirs(dir), inbox, outbox, backups)
		keep.AllowMissing = s.allowed()
		if o.Confined, err = sandbox.Confine(keep); err != nil {
			return nil, errors.Join(fmt.Errorf("the enclave: %w", err), l.Close())
		}
	}
	if s.remote != nil {
		s.remote.serve()
	}
	e, err := enclave.Open(ctx, dir, o)
	if err != nil {
		return nil, errors.Join(fileError(s.vault, err), l.Close())
	}
	return &ready{e, l}, nil
}

// serveVault answers until ctx ends.
func (s *serving) serveVault(ctx context.Context, r *ready, errOut io.Writer) error {
	logger := s.log.logger("enclave", errOut)
	logger.LogAttrs(ctx, slog.LevelInfo, "the vault is served", slog.String("confinement", r.e.Confinement()))
	// Where an answer did not end in time, the vault is left as a killed process
	// leaves it: what was acknowledged stands.
	if err := wire.Serve(ctx, r.l, r.e, wire.Options{Logger: logger}); err != nil {
		return err
	}
	return r.e.Close()
}

// buildHash gives the SHA-256 of the program that runs, in hex.
func buildHash() (string, error) {
	path := "/proc/self/exe" // what runs, though another may stand under its name by now
	if _, err := os.Stat(path); err != nil {
		if path, err = os.Executable(); err != nil {
			return "", fmt.Errorf("finding this program: %w", err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading this program: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("reading this program: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
