package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"awase/api/client"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/render"
)

var reportColumns = []string{"id", "kind", "entrustment", "version", "list", "released_at", "kept_until", "state"}

// reportsCommand lists the reports that a party received, shows one, and writes it
// to files as the room lays it out.
func reportsCommand() *cobra.Command {
	var out outputs
	var query [3]string
	var limit int
	cmd := &cobra.Command{Use: "reports [REPORT [--out FILE]…]", Short: "Reports that one's party received; with an id, that one, shown or written to files",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return unknownCommand(cmd, args)
			}
			return nil
		}}
	names := [3]string{"entrustment", "kind", "schedule"}
	for i, usage := range []string{"of one entrustment (`id`)", "of one `kind`: overlap, profile …", "of one schedule (`id`)"} {
		cmd.Flags().StringVar(&query[i], names[i], "", usage)
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "at most so `many`, the newest")
	out.flags(cmd)
	cmd.AddCommand(reportReceipt())
	cmd.ValidArgsFunction = first(reportIDs)
	return networkCommand(cmd, func(cmd *cobra.Command, args []string, r *client.Room) error {
		if len(args) == 0 {
			if len(out.files) > 0 || limit < 1 {
				return usageError{errors.New("--out is of one report: name its id; --limit is a number from 1")}
			}
			q := url.Values{}
			for i, v := range query {
				if v != "" {
					q.Set(names[i], v)
				}
			}
			all, err := r.List(cmd.Context(), "/v1/reports", q, limit)
			if err != nil {
				return err
			}
			return answerExact(cmd, all, func(w io.Writer) error { return showAnswer(w, all, reportColumns) })
		}
		if err := out.check(); err != nil {
			return err
		}
		wrote, err := out.fetch(cmd.Context(), r, args[0])
		if err != nil {
			return err
		}
		raw, err := r.Released(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		rel, err := render.ReadRelease(raw)
		if err != nil {
			return fmt.Errorf("the room's release: %w", err)
		}
		if asJSON(cmd) {
			return render.Write(cmd.OutOrStdout(), render.JSON, rel)
		}
		return show(cmd.OutOrStdout(), rel, wrote)
	})
}

// fetch writes a report to the files, each as the room has it.
func (o *outputs) fetch(ctx context.Context, r *client.Room, id string) (wrote string, err error) {
	for _, path := range o.files {
		format, err := o.format(path)
		if err != nil {
			return "", err
		}
		raw, err := r.ReportFile(ctx, id, string(format))
		if err != nil {
			return "", err
		}
		if err := writeFile(path, func(w io.Writer) error { _, err := w.Write(raw); return err }); err != nil {
			return "", err
		}
		wrote += fmt.Sprintf("wrote %s\n", filepath.Base(path))
	}
	return wrote, nil
}

func reportReceipt() *cobra.Command {
	cmd := &cobra.Command{Use: "receipt REPORT", Short: "Print the receipt of a report", Args: exactArgs("REPORT"), ValidArgsFunction: first(reportIDs)}
	return networkCommand(cmd, func(cmd *cobra.Command, args []string, r *client.Room) error {
		raw, err := r.Receipt(cmd.Context(), args[0])
		return answerJSON(cmd, raw, err)
	})
}

func cubesCommand() *cobra.Command {
	cubes := noun{name: "cubes", short: "Planning cubes that one's party received: every audience size over their dimensions is free", operations: []operation{
		{op: "listCubes", method: "GET", path: "/v1/cubes", show: reportColumns, flags: []option{{name: "entrustment", query: true, usage: "of one entrustment (`id`)"}}},
	}}
	cmd := cubes.command()
	cmd.AddCommand(cubeBuy(), cubeSize())
	return cmd
}

func cubeBuy() *cobra.Command {
	var spec string
	var out outputs
	cmd := &cobra.Command{Use: "buy --spec spec.yaml [--out FILE]…", Short: "Buy a planning cube: a question of report: cube, which is charged", Args: exactArgs()}
	cmd.Flags().StringVar(&spec, "spec", "", "spec.yaml: the question")
	out.flags(cmd)
	return networkCommand(cmd, func(cmd *cobra.Command, _ []string, r *client.Room) error {
		if spec == "" {
			return usageError{errors.New("name the question with --spec")}
		}
		q, place, err := readSpec(spec)
		if err != nil {
			return err
		}
		if err := out.check(spec); err != nil {
			return err
		}
		return askOver(cmd, &out, func(ctx context.Context) (*wire.Release, error) {
			rel, err := r.Cube(ctx, q)
			return rel, place(err)
		})
	})
}

func cubeSize() *cobra.Command {
	var where string
	var out outputs
	cmd := &cobra.Command{Use: "size CUBE [--where FILE] [--out FILE]…", Short: "The size of an audience from a cube, free", Args: exactArgs("CUBE"), ValidArgsFunction: first(cubeIDs)}
	cmd.Flags().StringVar(&where, "where", "", "a `file` with a condition over the cube's dimensions, as under where: of spec.yaml; without it, all")
	out.flags(cmd)
	return networkCommand(cmd, func(cmd *cobra.Command, args []string, r *client.Room) error {
		c, err := readCondition(where)
		if err != nil {
			return err
		}
		if err := out.check(where); err != nil {
			return err
		}
		return askOver(cmd, &out, func(ctx context.Context) (*wire.Release, error) { return r.Size(ctx, args[0], c) })
	})
}

// readCondition reads a condition, alone or as the where: of a question; nil where
// no file is named.
func readCondition(path string) (*entrustment.Condition, error) {
	if path == "" {
		return nil, nil
	}
	name, data, err := document(path)
	if err != nil {
		return nil, err
	}
	var in struct {
		Where *entrustment.Condition `yaml:"where"`
	}
	if yaml.Unmarshal(data, &in) == nil && in.Where != nil {
		return in.Where, nil
	}
	var c entrustment.Condition
	if err := yaml.UnmarshalWithOptions(data, &c, yaml.Strict()); err != nil {
		return nil, &entrustment.Error{Code: entrustment.CodeDocument, Field: name, Detail: "it holds no condition", Mend: "write it as the where: of a spec.yaml (docs/documents.md)"}
	}
	return &c, nil
}

// askOver asks, and shows or prints the release.
func askOver(cmd *cobra.Command, out *outputs, do func(context.Context) (*wire.Release, error)) error {
	r, wrote, err := askAndWrite(cmd.Context(), do, out)
	if made, others := errors.AsType[*client.Made](err); others {
		return sayMade(cmd, made, out)
	}
	if err != nil {
		return err
	}
	if asJSON(cmd) {
		return render.Write(cmd.OutOrStdout(), render.JSON, r)
	}
	return show(cmd.OutOrStdout(), r, wrote)
}

// sayMade says that a report is made that others read: who asked has done their part.
func sayMade(cmd *cobra.Command, made *client.Made, out *outputs) error {
	return answer(cmd, made, func(w io.Writer) error {
		nothing := ""
		if len(out.files) > 0 {
			nothing = "; no file is written here"
		}
		_, err := fmt.Fprintf(w, "the table is made, and people of %s read it (awase reports %s)%s\n", plain(made.Recipient), plain(made.Report), nothing)
		return err
	})
}

// reportIDs are ids of reports, for a shell to complete.
func reportIDs(ctx context.Context, r *client.Room) ([]string, error) {
	return idsOf(r.List(ctx, "/v1/reports", nil, 100))
}

func cubeIDs(ctx context.Context, r *client.Room) ([]string, error) {
	return idsOf(r.List(ctx, "/v1/cubes", nil, 100))
}

// idsOf gives the ids of rows, each with what it is.
func idsOf(rows []any, err error) ([]string, error) {
	var ids []string
	for _, row := range rows {
		id := word(member(row, "id"))
		var about []string
		for _, k := range []string{"kind", "name", "entrustment", "list", "state", "url"} {
			if text := word(member(row, k)); text != "" {
				about = append(about, text)
			}
		}
		if id != "" {
			ids = append(ids, id+"\t"+strings.Join(about, " "))
		}
	}
	return ids, err
}
