package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// serveAndAsk serves the demo's vault as awase serve does, asks it, and ends the
// service. Where the machine can't confine a process it says so, and opens a dev
// vault itself: one with officers is opened by confined processes alone.
func (d *demoRun) serveAndAsk(ctx context.Context, at string, c *cast, do func(wire.Enclave) error) error {
	dir, err := os.MkdirTemp("", "awase") // a socket's name is short
	if err != nil {
		return fmt.Errorf("a directory for the enclave's socket: %w", err)
	}
	defer os.RemoveAll(dir)
	s := &serving{vault: at, socket: filepath.Join(dir, "s")}
	life, stop := context.WithCancel(ctx)
	defer stop()
	// What it logs of each question is for an operator, and shown only where it
	// does not serve.
	var log bytes.Buffer
	ended := make(chan error, 1)
	go func() {
		ended <- s.enclave(vault.KeyFile{Path: at + ".key"}, nil).run(life, io.Discard, &log)
		close(ended)
	}()
	client, err := dialEnded(life, s.socket, ended)
	if notConfined(err) {
		fmt.Fprintf(d.errOut, "%sawase: %v\nawase: the demo goes on with nothing that confines its enclave, in a dev vault without officers in place of that one, and its receipts say so\n", log.String(), err)
		if err := d.noCeremony(at, c); err != nil {
			return err
		}
		return openVault(ctx, at, nil, nil, d.errOut, func(e wire.Enclave) error {
			return errors.Join(d.attest(ctx, e), do(e))
		})
	}
	if err != nil {
		stop()
		<-ended
		return fmt.Errorf("%w\n%s", err, strings.TrimSpace(log.String()))
	}
	err = askClient(ctx, client, func(e wire.Enclave) error {
		if err := d.attest(ctx, e); err != nil {
			return err
		}
		return do(e)
	})
	stop()
	return errors.Join(err, <-ended)
}

// dialEnded waits for an enclave that was started to answer, or to end.
func dialEnded(ctx context.Context, socket string, ended <-chan error) (*wire.Client, error) {
	for {
		c, err := wire.Dial(socket)
		refusal, ok := errors.AsType[*entrustment.Error](err)
		if err == nil || !ok || refusal.Code != entrustment.CodeNotFound {
			return c, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case err := <-ended:
			return nil, errors.Join(ctx.Err(), err, errors.New("the enclave ended before it served"))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// attest prints what the enclave says of itself.
func (d *demoRun) attest(ctx context.Context, e wire.Enclave) error {
	d.say("The enclave: what it says of itself")
	_, a, err := attest(ctx, e, "", nil)
	if err == nil {
		printAttestation(d.w, a, false)
	}
	return err
}
