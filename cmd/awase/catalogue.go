package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"awase/api/client"
	"awase/enclave/wire"
	"awase/entrustment"
)

// asked is a command that asks the room what it knows, wherever it is: in a vault,
// served, or on the network.
func asked(use, short string, show []string, ask func(ctx context.Context, e wire.Enclave, args []string) (any, error)) *cobra.Command {
	want := strings.Fields(use)[1:]
	least := 0
	for _, w := range want {
		if !strings.HasPrefix(w, "[") {
			least++
		}
	}
	cmd := &cobra.Command{Use: use, Short: short, Args: func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > len(want) {
			return usageError{fmt.Errorf("usage: %s", usageOf(cmd))}
		}
		return nil
	}}
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		v, err := ask(cmd.Context(), e, args)
		if err != nil {
			return err
		}
		return answerExact(cmd, v, func(w io.Writer) error {
			if in, ok := v.(wire.EntrustmentInfo); ok && len(in.Versions) > 0 && in.Versions[0].Contract != nil {
				return showContract(w, &in)
			}
			return showTable(w, v, show)
		})
	})
}

// The columns of tables that people read.
var (
	entrustmentColumns = []string{"id", "state", "version", "flow", "principal", "trustee", "from", "until", "ends_at"}
	listColumns        = []string{"name", "party", "version", "entrustment_version", "change", "rows", "added", "removed", "at", "expires_at"}
	retentionColumns   = []string{"expires_at", "what", "name", "version", "party", "clause", "days", "since", "log_entry", "expired_at", "outside"}
)

// showTable writes an answer as a table: lists by their versions, entrustments by their
// newest.
func showTable(w io.Writer, v any, show []string) error {
	switch v := v.(type) {
	case wire.ListInfo:
		return showTyped(w, listRows(v), show)
	case []wire.ListInfo:
		return showTyped(w, listRows(v...), show)
	case []wire.EntrustmentInfo:
		return showTyped(w, contractRows(v), show)
	}
	return showTyped(w, v, show)
}

// listRow is a version of a list as a line.
type listRow struct {
	Name  string `json:"name"`
	Party string `json:"party"`
	wire.ListVersion
	ExpiresAt string `json:"expires_at,omitempty"` // of the newest: it is the list
}

// listRows gives a line for each version of each list.
func listRows(lists ...wire.ListInfo) []listRow {
	out := []listRow{}
	for _, l := range lists {
		for i, v := range l.Versions {
			row := listRow{l.Name, l.Party, v, ""}
			if i == 0 {
				row.ExpiresAt = l.ExpiresAt
			}
			out = append(out, row)
		}
	}
	return out
}

// contractRow is an entrustment as a line, by its newest version.
type contractRow struct {
	ID        string           `json:"id"`
	State     string           `json:"state"`
	Version   int              `json:"version"`
	Flow      entrustment.Flow `json:"flow"`
	Principal string           `json:"principal"`
	Trustee   string           `json:"trustee"`
	From      entrustment.Date `json:"from"`
	Until     entrustment.Date `json:"until"`
	EndsAt    string           `json:"ends_at,omitempty"`
}

// contractRows gives a line for each entrustment.
func contractRows(all []wire.EntrustmentInfo) []contractRow {
	out := []contractRow{}
	for _, in := range all {
		row := contractRow{ID: in.ID, State: in.State, Version: in.Version, EndsAt: in.EndsAt}
		if len(in.Versions) > 0 && in.Versions[0].Contract != nil {
			c := in.Versions[0].Contract
			row.Flow, row.Principal, row.Trustee, row.From, row.Until = c.Flow, c.Principal, c.Trustee, c.From, c.Until
		}
		out = append(out, row)
	}
	return out
}

// showContract writes the contract of the newest version whole, as a contract.yaml that
// awase entrust reads; how the entrustment stands is a comment above it.
func showContract(w io.Writer, in *wire.EntrustmentInfo) error {
	newest := &in.Versions[0]
	raw, err := json.Marshal(newest.Contract)
	if err != nil {
		return fmt.Errorf("writing a contract: %w", err)
	}
	text, err := yaml.JSONToYAML(raw)
	if err != nil {
		return fmt.Errorf("writing a contract: %w", err)
	}
	// Whoever answers wrote it: it gets no hold of the terminal.
	shown := strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsGraphic(r) {
			return r
		}
		return '?'
	}, string(text))
	_, err = fmt.Fprintf(w, "# %s: %s; version %d of %s, log entry %d; --json has all versions\n%s", plain(in.ID), plain(in.State), newest.Version, plain(japan(newest.At)), newest.Seq, shown)
	return err
}

// showTyped is showAnswer of a value of our own types, by the names of its JSON.
func showTyped(w io.Writer, v any, keys []string) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing an answer: %w", err)
	}
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		return fmt.Errorf("writing an answer: %w", err)
	}
	if plain == nil {
		plain = []any{}
	}
	return showAnswer(w, plain, keys)
}

// rows gives a list that JSON shows as one where there is nothing in it, too.
func rows[T any](all []T, err error) (any, error) {
	if all == nil {
		all = []T{}
	}
	return all, err
}

// pick gives the one of an id, or the refusal that there is none.
func pick[T any](all []T, err error, what, id string, of func(*T) string) (any, error) {
	if err != nil {
		return nil, err
	}
	for i := range all {
		if of(&all[i]) == id {
			return all[i], nil
		}
	}
	return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Field: what, Detail: "there is no " + what + " " + entrustment.Quote(id), Mend: "leave it out, and see which there are"}
}

func roomCommand() *cobra.Command {
	return asked("room", "How the room stands: who runs it, whether officers sign, whether releases are stopped", []string{"operator", "initialised", "officers", "frozen", "confinement", "now", "log_entry"},
		func(ctx context.Context, e wire.Enclave, _ []string) (any, error) { return e.Room(ctx) })
}

func partiesCommand() *cobra.Command {
	return asked("parties [PARTY]", "The parties of the room; over the network, those that one's own has to do with", []string{"party.id", "party.class", "party.group", "party.country", "version", "at", "delivery_fingerprint", "serving_fingerprint"},
		func(ctx context.Context, e wire.Enclave, args []string) (any, error) {
			all, err := e.Parties(ctx)
			if len(args) == 0 {
				return rows(all, err)
			}
			return pick(all, err, "party", args[0], func(p *wire.PartyInfo) string { return p.Party.ID })
		})
}

func policyShow() *cobra.Command {
	return asked("show", "Show the versions of the privacy policy", []string{"schema", "policies"}, func(ctx context.Context, e wire.Enclave, _ []string) (any, error) {
		p, err := e.Policies(ctx)
		if err == nil && p == nil {
			err = &entrustment.Error{Code: entrustment.CodeNotFound, Field: "policies", Detail: "no policies were set yet", Mend: "awase policy add sets them"}
		}
		return p, err
	})
}

func entrustmentsCommand() *cobra.Command {
	cmd := asked("entrustments [ENTRUSTMENT]", "The entrustments, ended ones too; with an id, the contract of its newest version as YAML", entrustmentColumns,
		func(ctx context.Context, e wire.Enclave, args []string) (any, error) {
			if len(args) == 0 {
				return rows(e.Contracts(ctx))
			}
			return e.Entrustment(ctx, args[0])
		})
	cmd.ValidArgsFunction = first(entrustmentIDs)
	return cmd
}

func listsCommand() *cobra.Command {
	cmd := asked("lists ENTRUSTMENT [NAME]", "The lists under an entrustment with their versions; over the network, those of one's own party", listColumns,
		func(ctx context.Context, e wire.Enclave, args []string) (any, error) {
			all, err := e.Lists(ctx, args[0])
			if len(args) == 1 {
				return rows(all, err)
			}
			return pick(all, err, "list", args[1], func(l *wire.ListInfo) string { return l.Name })
		})
	cmd.ValidArgsFunction = first(entrustmentIDs)
	return cmd
}

func eventsList() *cobra.Command {
	cmd := asked("list [ENTRUSTMENT]", "The event logs under an entrustment; without one, the operator's own", []string{"version", "entrustment_version", "party", "rows", "from", "to", "at", "expires_at"},
		func(ctx context.Context, e wire.Enclave, args []string) (any, error) {
			return rows(e.EventLogs(ctx, strings.Join(args, "")))
		})
	cmd.ValidArgsFunction = first(entrustmentIDs)
	return cmd
}

func retentionCommand() *cobra.Command {
	cmd := asked("retention ENTRUSTMENT", "What expires when under an entrustment, soonest first, and by which clause of its contract; then what expired, the last first", retentionColumns,
		func(ctx context.Context, e wire.Enclave, args []string) (any, error) {
			return rows(e.Retention(ctx, args[0]))
		})
	cmd.ValidArgsFunction = first(entrustmentIDs)
	return cmd
}

func baseList() *cobra.Command {
	return asked("list", "The loads of the identity base, newest first: the first stands", []string{"version", "users", "log_entry", "at"},
		func(ctx context.Context, e wire.Enclave, _ []string) (any, error) { return rows(e.Bases(ctx)) })
}

func logEntries() *cobra.Command {
	var req wire.LogRequest
	var all bool
	cmd := &cobra.Command{Use: "entries --vault V [--party P | --all] [--from N] [--limit N]", Short: "Show entries of the record log: those of one party, or all",
		Long: "Shows what a party may read of the record log, oldest first. Over the network it is one's own party's, and --all is for the operator's privacy officers and auditors.", Args: exactArgs()}
	cmd.Flags().StringVar(&req.Party, "party", "", "entries that concern this `party`")
	cmd.Flags().BoolVar(&all, "all", false, "entries of all parties")
	cmd.Flags().Int64Var(&req.From, "from", 0, "the first `entry`, counted from 0")
	cmd.Flags().IntVar(&req.Limit, "limit", 100, "at most so `many`, to 500")
	return inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		r, network := e.(*client.Room)
		switch {
		case all && req.Party != "":
			return usageError{fmt.Errorf("--all and --party contradict each other")}
		case !all && req.Party == "" && network:
			me, err := r.Me(cmd.Context())
			if err != nil {
				return err
			}
			req.Party = me.Party
		case !all && req.Party == "":
			return usageError{fmt.Errorf("whose entries: name a party with --party, or ask for --all")}
		}
		page, err := e.Log(cmd.Context(), req)
		if err != nil {
			return err
		}
		return answerExact(cmd, page, func(w io.Writer) error {
			if err := showTyped(w, page.Entries, []string{"seq", "at", "kind", "party", "entrustment", "detail"}); err != nil || page.Next == 0 {
				return err
			}
			_, err := fmt.Fprintf(w, "of %d entries; go on with --from %d\n", page.Size, page.Next)
			return err
		})
	})
}

func logCheckpoint() *cobra.Command {
	cmd := &cobra.Command{Use: "checkpoint --vault V", Short: "Print the signed checkpoint of the record log, to keep for awase verify --log", Args: exactArgs()}
	return inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		raw, err := e.Checkpoint(cmd.Context())
		if err != nil {
			return err
		}
		return answer(cmd, map[string]string{"checkpoint": string(raw)}, func(w io.Writer) error {
			_, err := w.Write(raw)
			return err
		})
	})
}

func logInclusion() *cobra.Command {
	cmd := &cobra.Command{Use: "inclusion --vault V ENTRY", Short: "Print the proof that an entry stands in the record log, for awase verify", Args: exactArgs("ENTRY")}
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		seq, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil || seq < 0 {
			return usageError{fmt.Errorf("an entry is a number from 0 up")}
		}
		raw, err := e.Inclusion(cmd.Context(), seq)
		return answerJSON(cmd, raw, err)
	})
}
