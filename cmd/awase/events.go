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
		Use:   "load --vault V [--entrustment E [--party P]] [--from DAY [--to DAY]] (--schema events.yaml [--labels labels.csv] events.csv | events.awase)",
		Short: "Add an event log: a party's under its entrustment, or the operator's own",
		Args:  exactArgs("file"),
		Long: "Adds the file's events to those of the logs before it; or, with --replace, takes the place of those logs: of all that are of its days (--from, --to), or without days of all. " +
			"A sealed file says itself what it does; awase seal --after says after which other file.",
	}
	f.add(cmd, "events.yaml: how the file becomes events; a sealed file needs none")
	f.addSign(cmd)
	f.addPeriod(cmd)
	f.addLabels(cmd)
	cmd.Flags().StringVar(&req.Entrustment, "entrustment", "", "the entrustment's `id`; without it, the operator's own log")
	cmd.Flags().StringVar(&req.Party, "party", "", "the `id` of the platform whose log it is, of what was delivered to it; without it, the party's whose lists are joined")
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		f.json = asJSON(cmd)
		return loadEvents(cmd.Context(), e, req, args[0], &f, cmd.OutOrStdout(), cmd.ErrOrStderr())
	})
}

func loadEvents(ctx context.Context, e wire.Enclave, req wire.EventsRequest, path string, f *loadFlags, out, errOut io.Writer) error {
	put := func(sealed io.Reader) (string, error) {
		loaded, err := e.LoadEvents(ctx, req, sealed)
		if err != nil {
			return "", err
		}
		return f.says(loaded, eventsText(req, loaded)), nil
	}
	f.sends(e, errOut)
	to := destination{seal.EventsName, func() (wire.Terms, error) {
		t, err := e.Terms(ctx, cmp.Or(req.Entrustment, seal.BaseEntrustment))
		if err != nil {
			return t, err
		}
		return t.LogsOf(req.Party)
	}}
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

// eventsText says what became of a log.
func eventsText(req wire.EventsRequest, l wire.EventsLoaded) string {
	whose := "the log of " + l.Party + ", onto the base"
	if req.Entrustment != "" {
		whose = "the log of " + l.Party + ", under " + req.Entrustment
	}
	text := fmt.Sprintf("events %s: %s, %s from %s to %s, version %d, log entry %d\n", loadedWord(l.Ack), whose, entrustment.Count(l.Rows, "row", "rows"), l.From, l.To, l.Version, l.Seq)
	if l.List != "" {
		text += fmt.Sprintf("  by the keys of the list %s, version %d; %s left out, whose keys are not on it\n", l.List, l.ListVersion, entrustment.Count(l.Unknown, "row", "rows"))
	}
	switch {
	case l.Replaced > 0:
		text += fmt.Sprintf("  in place of %s before it\n", entrustment.Count(l.Replaced, "log", "logs"))
	case l.Before > 0:
		text += fmt.Sprintf("  beside %s of logs before it\n", entrustment.Count(l.Before, "row", "rows"))
	}
	if l.Changed && l.Overlaps {
		text += "  they hold events of the same days: if this is one of them, mended, load it again with --replace\n"
	}
	return text
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
	if err == nil {
		err = f.needsLabels(schema)
	}
	return func(file *os.File, size int64, o intake.Options) (*intake.File, error) {
		var err error
		if o.Labels, err = f.readLabels(); err != nil {
			return nil, err
		}
		return intake.OpenEvents(ctx, file, size, schema, o)
	}, err
}
