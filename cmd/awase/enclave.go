package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/spf13/cobra"

	"awase/enclave"
	"awase/enclave/wire"
)

func enclaveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "enclave --vault V --socket S",
		Short: "Serve a vault to other processes, until it is told to end",
		Long: "Opens the vault and answers at a unix socket until SIGTERM or Ctrl-C; then what is under way has half a minute to end. " +
			"Commands reach it with --enclave S, or with " + enclaveEnv + " set to S. Only processes of the same user get in. " +
			"Who asked what, and how it ended, is written to standard error.",
		Args: exactArgs(),
	}
	return serving(cmd, serveVault)
}

// serving gives cmd the vault and the socket to serve it at.
func serving(cmd *cobra.Command, serve func(ctx context.Context, dir, socket string, key keyFlags, out, errOut io.Writer) error) *cobra.Command {
	dir := cmd.Flags().String("vault", "", "the vault's `directory`; made where there is none, its key beside it")
	socket := cmd.Flags().String("socket", "", "the `socket` to serve at, in a directory of mode 0700 that is made where there is none")
	var key keyFlags
	key.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *dir == "" || *socket == "" {
			return usageError{errors.New("name the vault's directory with --vault and the socket with --socket")}
		}
		return serve(cmd.Context(), *dir, *socket, key, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// serveVault serves a vault until ctx ends.
func serveVault(ctx context.Context, dir, socket string, key keyFlags, out, errOut io.Writer) error {
	at, err := filepath.Abs(socket)
	if err != nil {
		return err
	}
	source, err := key.source(dir, errOut)
	if err != nil {
		return err
	}
	log := slog.New(plainHandler{errOut})
	e, err := enclave.Open(ctx, dir, enclave.Options{Logger: log, Socket: at, Key: source})
	if err != nil {
		return fileError(dir, err)
	}
	l, err := wire.Listen(socket)
	if err != nil {
		return errors.Join(err, e.Close())
	}
	if _, err := fmt.Fprintf(out, "enclave: serves %s at %s\n", dir, socket); err != nil {
		return errors.Join(err, l.Close(), e.Close())
	}
	// Where an answer did not end in time, the vault is left as a killed process
	// leaves it: what was acknowledged stands.
	if err := wire.Serve(ctx, l, e, wire.Options{Logger: log}); err != nil {
		return err
	}
	return e.Close()
}
