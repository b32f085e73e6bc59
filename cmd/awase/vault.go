package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"awase/enclave"
	"awase/enclave/wire"
)

// withVault gives a command its --vault flag and an open enclave; the vault is
// made at first use.
func withVault(cmd *cobra.Command, do func(cmd *cobra.Command, args []string, e wire.Enclave) error) *cobra.Command {
	return vaultCommand(cmd, false, do)
}

// inVault is withVault for a command that can do nothing in a new vault: a
// mistyped name is told, not made.
func inVault(cmd *cobra.Command, do func(cmd *cobra.Command, args []string, e wire.Enclave) error) *cobra.Command {
	return vaultCommand(cmd, true, do)
}

func vaultCommand(cmd *cobra.Command, old bool, do func(cmd *cobra.Command, args []string, e wire.Enclave) error) *cobra.Command {
	var dir string
	cmd.Flags().StringVar(&dir, "vault", "", "the vault's `directory`; made at first use, its key beside it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if dir == "" {
			return usageError{fmt.Errorf("name the vault's directory with --vault")}
		}
		if old {
			if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("there is no vault at %s; party add makes one", dir)
			}
		}
		return openVault(cmd.Context(), dir, cmd.ErrOrStderr(), func(e wire.Enclave) error { return do(cmd, args, e) })
	}
	return cmd
}

func openVault(ctx context.Context, dir string, errOut io.Writer, do func(wire.Enclave) error) error {
	e, err := enclave.Open(ctx, dir, enclave.Options{Logger: slog.New(plainHandler{errOut})})
	if err != nil {
		return err
	}
	return errors.Join(do(e), e.Close())
}

// plainHandler writes what the enclave logs as a line for a person.
type plainHandler struct{ w io.Writer }

func (plainHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }
func (h plainHandler) WithAttrs([]slog.Attr) slog.Handler         { return h }
func (h plainHandler) WithGroup(string) slog.Handler              { return h }

func (h plainHandler) Handle(_ context.Context, r slog.Record) error {
	line := "awase: " + r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += fmt.Sprintf(", %s %s", a.Key, a.Value)
		return true
	})
	_, err := fmt.Fprintln(h.w, line)
	return err
}

// document reads a document that a person wrote, and gives its name for
// messages.
func document(path string) (name string, data []byte, err error) {
	data, err = os.ReadFile(path)
	if err != nil {
		return "", nil, fmt.Errorf("reading a document: %w", err)
	}
	return filepath.Base(path), data, nil
}

// said writes how an act stands in the record log.
func said(cmd *cobra.Command, what string, a wire.Ack) {
	name := what
	if a.ID != "" {
		name += " " + a.ID
	}
	if a.Changed {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: version %d, log entry %d\n", name, a.Version, a.Seq)
	} else {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: already there as version %d, log entry %d\n", name, a.Version, a.Seq)
	}
}
