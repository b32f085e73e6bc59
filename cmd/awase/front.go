package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"

	"github.com/spf13/cobra"

	"awase/enclave/sandbox"
	"awase/enclave/wire"
)

func frontCommand() *cobra.Command {
	var s serving
	var listen string
	cmd := &cobra.Command{
		Use:   "front --socket S [--listen ADDRESS]",
		Short: "Answer HTTP on the loopback in front of an enclave",
		Long: "The process that awase serve starts beside the enclave. GET /attestation?nonce=N is open to all of this machine; POST /enclave/v1/METHOD is passed on for who shows the token, which stands in S.token. " +
			"It opens no file once it answers, and can't: it confines itself first.",
		Args: exactArgs(),
	}
	s.registerSocket(cmd)
	cmd.Flags().Lookup("socket").Usage = "the enclave's `socket`"
	cmd.Flags().StringVar(&listen, "listen", defaultFront, "the loopback `address` to answer at")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if s.socket == "" {
			return usageError{errors.New("name the enclave's socket with --socket")}
		}
		if err := errors.Join(checkLoopback(listen), s.checkAllowed()); err != nil {
			return err
		}
		return s.serveFront(cmd.Context(), listen, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// serveFront answers until ctx ends.
func (s *serving) serveFront(ctx context.Context, listen string, out, errOut io.Writer) error {
	token, err := wire.Token(s.socket)
	if err != nil {
		return &startError{err}
	}
	sockets, err := filepath.Abs(filepath.Dir(s.socket))
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return &startError{fmt.Errorf("the front: %w; name another address with --listen", err)}
	}
	statement := sandbox.Unconfined("it was not asked for")
	if !s.unconfined {
		keep := sandbox.ForFront(sockets)
		keep.AllowMissing = s.allowed(keep.AllowMissing...)
		if statement, err = sandbox.Confine(keep); err != nil {
			return errors.Join(fmt.Errorf("the front: %w", err), l.Close())
		}
	}
	if _, err := fmt.Fprintf(out, "front: answers at http://%s, %s\n", l.Addr(), statement.Short()); err != nil {
		return errors.Join(err, l.Close())
	}
	return wire.ServeFront(ctx, l, s.socket, wire.FrontOptions{Token: token, Logger: slog.New(plainHandler{errOut})})
}
