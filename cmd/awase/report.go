package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"awase/enclave/wire"
	"awase/entrustment"
)

func report() *cobra.Command {
	var spec, reserved string
	var out outputs
	var dry bool
	var expect int64
	cmd := &cobra.Command{
		Use:   "report --vault V (--spec spec.yaml | --reserved E/N) [--out report.xlsx|.pdf|.csv|.parquet|.arrow|.json]… [--encoding E] [--force] [-n [--expect N]]",
		Short: "Ask a question: what the gate lets through, with its price",
		Args:  exactArgs(),
	}
	cmd.Flags().StringVar(&spec, "spec", "", "spec.yaml: the question")
	cmd.Flags().StringVar(&reserved, "reserved", "", "ask the question that this reservation holds: its `name`, as awase reserve printed it")
	out.flags(cmd)
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
		if err := out.check(spec); err != nil {
			return err
		}
		if expect < 0 || expect > 0 && !dry {
			return usageError{fmt.Errorf("--expect is a number of people, and goes with -n")}
		}
		if dry {
			if len(out.files) > 0 {
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
			return answer(cmd, p, func(w io.Writer) error { return showPrice(w, reserved, &p) })
		}
		return askOver(cmd, &out, do)
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
func ask(ctx context.Context, do func(context.Context) (*wire.Release, error), out *outputs, w io.Writer) error {
	r, wrote, err := askAndWrite(ctx, do, out)
	if err != nil {
		return err
	}
	return show(w, r, wrote)
}

// askAndWrite is ask that shows nothing.
func askAndWrite(ctx context.Context, do func(context.Context) (*wire.Release, error), out *outputs) (r *wire.Release, wrote string, err error) {
	if r, err = do(ctx); err != nil {
		return nil, "", err
	}
	if wrote, err = out.write(r); err != nil {
		return nil, "", fmt.Errorf("%w; the release is kept, asking again is free", err)
	}
	return r, wrote, nil
}
