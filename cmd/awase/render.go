package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"awase/crypto/receipt"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/render"
)

// outputs are the files that a release is written to.
type outputs struct {
	files    []string
	encoding string
	force    bool
}

func (o *outputs) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.files, "out", nil, "write the release to a `file` (.xlsx .pdf .csv .parquet .arrow .json); may be given again. An earlier report is replaced, any other file is not")
	cmd.Flags().StringVar(&o.encoding, "encoding", "", "of .csv: utf-8-bom (the default; Excel opens it), utf-8 or shift_jis")
	cmd.Flags().BoolVar(&o.force, "force", false, "let --out replace a file that is no report")
}

var encodings = map[string]render.Format{"": render.CSVBOM, "utf-8-bom": render.CSVBOM, "utf-8": render.CSV, "shift_jis": render.CSVSJIS}

// format gives the format that a file is written in.
func (o *outputs) format(file string) (render.Format, error) {
	format, err := render.ParseFormat(file)
	if format == render.CSVBOM {
		format = encodings[o.encoding]
	}
	return format, err
}

// check refuses names and targets that can't be written, before anything is
// charged. inputs are the files that the command reads.
func (o *outputs) check(inputs ...string) error {
	if _, ok := encodings[o.encoding]; !ok {
		return usageError{fmt.Errorf("--encoding is utf-8-bom, utf-8 or shift_jis")}
	}
	csv := false
	for _, out := range o.files {
		format, err := render.ParseFormat(out)
		if err != nil {
			return err
		}
		csv = csv || format == render.CSVBOM
		if err := checkTarget(out, inputs...); err != nil {
			return err
		}
		if !o.force {
			if err := checkReplaced(out); err != nil {
				return err
			}
		}
	}
	if o.encoding != "" && !csv {
		return usageError{fmt.Errorf("--encoding is of a .csv, and --out names none")}
	}
	return nil
}

// write writes a release to the files. It gives the lines that say so.
func (o *outputs) write(r *wire.Release) (wrote string, err error) {
	for _, out := range o.files {
		format, err := o.format(out)
		if err != nil {
			return "", err
		}
		if err := writeFile(out, func(f io.Writer) error { return render.Write(f, format, r) }); err != nil {
			return "", err
		}
		wrote += fmt.Sprintf("wrote %s\n", filepath.Base(out))
	}
	return wrote, nil
}

// show shows a release, and then what was written of it.
func show(w io.Writer, r *wire.Release, wrote string) error {
	if err := render.Terminal(w, r, terminalOptions(w)); err != nil {
		return err
	}
	_, err := io.WriteString(w, wrote)
	return err
}

// renderCommand needs no vault: the other forms of a release that one has.
func renderCommand() *cobra.Command {
	var o outputs
	var keyFile string
	cmd := &cobra.Command{
		Use:   "render report.json [--key FILE] [--out report.pdf|.xlsx|.csv|.parquet|.arrow]…",
		Short: "Show a release that you have as JSON, or write it in another form; offline",
		Long: "Checks the report.json as awase verify does, shows it, and writes it to the files named. One that was changed since it was released is refused. " +
			"--key is a file with the line of awase log key; without it the receipt's own key is taken, and the origin is not checked.",
		Args: exactArgs("report.json"),
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&keyFile, "key", "", "`file` with the line of awase log key")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(slices.Concat(args, []string{keyFile})...); err != nil {
			return err
		}
		key, err := readVerifierKey(keyFile)
		if err != nil {
			return err
		}
		name, data, err := document(args[0])
		if err != nil {
			return err
		}
		if err := wantReceipt(name, data); err != nil {
			return err
		}
		signed, err := receipt.VerifyFile(data, key)
		if err != nil {
			return &entrustment.Error{Code: entrustment.CodeFile, Field: name, Detail: "not verified: " + err.Error(), Mend: "ask for the report.json as it was released"}
		}
		r, err := render.ReadRelease(data)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		wrote, err := o.write(r)
		if err != nil {
			return err
		}
		if asJSON(cmd) {
			return render.Write(cmd.OutOrStdout(), render.JSON, r)
		}
		if err := show(cmd.OutOrStdout(), r, wrote); err != nil {
			return err
		}
		say(cmd, "%s: verified, entry %d of the record log %s", name, signed.Log.Index, receipt.Origin(signed.Log.Checkpoint))
		sayKey(cmd, signed.Key, key != nil)
		return nil
	}
	return jsonFlag(cmd)
}
