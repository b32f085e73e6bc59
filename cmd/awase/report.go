package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"awase/enclave/wire"
	"awase/entrustment"
	"awase/render"
)

func report() *cobra.Command {
	var spec, reserved string
	var outs []string
	var dry, force bool
	var expect int64
	cmd := &cobra.Command{
		Use:   "report --vault V (--spec spec.yaml | --reserved E/N) [--out report.xlsx|.csv|.json]… [--force] [-n [--expect N]]",
		Short: "Ask a question: what the gate lets through, with its price",
		Args:  exactArgs(),
	}
	cmd.Flags().StringVar(&spec, "spec", "", "spec.yaml: the question")
	cmd.Flags().StringVar(&reserved, "reserved", "", "ask the question that this reservation holds: its `name`, as awase reserve printed it")
	cmd.Flags().StringArrayVar(&outs, "out", nil, "write the release to a `file` (.xlsx .csv .json); may be given again. An earlier report is replaced, any other file is not")
	cmd.Flags().BoolVar(&force, "force", false, "let --out replace a file that is no report")
	cmd.Flags().BoolVarP(&dry, "dry-run", "n", false, "show the price and what is likely to be withheld; charge nothing")
	cmd.Flags().Int64Var(&expect, "expect", 0, "with -n: how many people you expect the answer to count, for the forecast")
	return inVault(cmd, func(cmd *cobra.Command, _ []string, e wire.Enclave) error {
		if (spec == "") == (reserved == "") {
			return usageError{fmt.Errorf("name the question with --spec, or its reservation with --reserved")}
		}
		do := func(ctx context.Context) (*wire.Release, error) { return e.ReportReserved(ctx, reserved) }
		var q *entrustment.Question
		var place func(error) error
		if spec != "" {
			var err error
			if q, place, err = readSpec(spec); err != nil {
				return err
			}
			do = func(ctx context.Context) (*wire.Release, error) {
				r, err := e.Report(ctx, q)
				return r, place(err)
			}
		}
		// Endings and targets are checked before anything is charged.
		for _, out := range outs {
			if _, err := render.ParseFormat(out); err != nil {
				return err
			}
			if err := checkTarget(out, spec); err != nil {
				return err
			}
			if !force {
				if err := checkReplaced(out); err != nil {
					return err
				}
			}
		}
		if expect < 0 || expect > 0 && !dry {
			return usageError{fmt.Errorf("--expect is a number of people, and goes with -n")}
		}
		if dry {
			if len(outs) > 0 {
				return usageError{fmt.Errorf("-n writes no file; leave --out away")}
			}
			var p wire.Price
			var err error
			if reserved != "" {
				p, err = e.PriceReserved(cmd.Context(), reserved, expect)
			} else {
				p, err = e.Price(cmd.Context(), q, expect)
				err = place(err)
			}
			if err != nil {
				return err
			}
			return showPrice(cmd.OutOrStdout(), reserved, &p)
		}
		return ask(cmd.Context(), do, outs, cmd.OutOrStdout())
	})
}

func readQuestion(path string) (*entrustment.Question, error) {
	q, _, err := readSpec(path)
	return q, err
}

// readSpec is readQuestion that also gives what finds the place of a refusal in
// the file.
func readSpec(path string) (*entrustment.Question, func(error) error, error) {
	name, data, err := document(path)
	if err != nil {
		return nil, nil, err
	}
	q, err := entrustment.ParseQuestion(name, data)
	return q, func(err error) error { return entrustment.PlaceQuestion(name, data, err) }, err
}

// ask writes a release to the files named, and then shows it: who reads what is
// shown may leave at any moment.
func ask(ctx context.Context, do func(context.Context) (*wire.Release, error), outs []string, w io.Writer) error {
	r, err := do(ctx)
	if err != nil {
		return err
	}
	wrote := ""
	for _, out := range outs {
		format, err := render.ParseFormat(out)
		if err != nil {
			return err
		}
		if err := writeFile(out, func(f io.Writer) error { return render.Write(f, format, r) }); err != nil {
			return fmt.Errorf("%w; the release is kept in the vault, asking again is free", err)
		}
		wrote += fmt.Sprintf("wrote %s\n", filepath.Base(out))
	}
	if err := render.Terminal(w, r, terminalOptions(w)); err != nil {
		return err
	}
	_, err = io.WriteString(w, wrote)
	return err
}
