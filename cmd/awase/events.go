package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

func eventsLoad() *cobra.Command {
	var f loadFlags
	var req wire.EventsRequest
	cmd := &cobra.Command{
		Use:   "load --vault V [--entrustment E] [--from DAY [--to DAY]] (--schema events.yaml events.csv | events.awase)",
		Short: "Add an event log: a party's under its entrustment, or the operator's own",
		Args:  exactArgs("file"),
	}
	f.add(cmd, "events.yaml: how the file becomes events; a sealed file needs none")
	f.addSign(cmd)
	f.addPeriod(cmd)
	cmd.Flags().StringVar(&req.Entrustment, "entrustment", "", "the entrustment's `id`; without it, the operator's own log")
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		return loadEvents(cmd.Context(), e, req, args[0], &f, cmd.OutOrStdout(), cmd.ErrOrStderr())
	})
}

func loadEvents(ctx context.Context, e wire.Enclave, req wire.EventsRequest, path string, f *loadFlags, out, errOut io.Writer) error {
	put := func(sealed io.Reader) (string, error) {
		loaded, err := e.LoadEvents(ctx, req, sealed)
		return fmt.Sprintf("events %s: %s rows from %s to %s, version %d, log entry %d\n", loadedWord(loaded.Ack), thousands(loaded.Rows), loaded.From, loaded.To,
			loaded.Version, loaded.Seq), err
	}
	to := destination{seal.EventsName, func() (wire.Terms, error) { return e.Terms(ctx, cmp.Or(req.Entrustment, seal.BaseEntrustment)) }}
	open := func() (opener, error) { return f.eventOpener(ctx) }
	return f.loadOrOpen(path, "loading events", out, errOut, open, to, put, func(in *intake.File) (string, error) {
		terms, err := to.terms()
		if err != nil {
			return "", err
		}
		sealed := f.sealing(ctx, terms, to.name, in)
		defer sealed.Close()
		return put(sealed)
	})
}

// eventOpener gives what opens an event log by the schema that the flags name.
func (f *loadFlags) eventOpener(ctx context.Context) (opener, error) {
	if f.schema == "" {
		return nil, usageError{errors.New("name the log's schema with --schema")}
	}
	name, data, err := document(f.schema)
	if err != nil {
		return nil, err
	}
	schema, err := entrustment.ParseEventSchema(name, data)
	return func(file *os.File, size int64, o intake.Options) (*intake.File, error) {
		return intake.OpenEvents(ctx, file, size, schema, o)
	}, err
}
