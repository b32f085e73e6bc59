package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"awase/crypto/identifier"
	"awase/entrustment"
	"awase/intake"
	"awase/intake/formats"
)

// checkFlags are those of list check.
type checkFlags struct {
	loadFlags
	propose string
	value   string
	kind    string
}

// listCheck looks at a list where it lies. It needs no vault, and nothing of
// the file leaves the desk.
func listCheck() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check [--schema list.yaml] [--propose out.yaml] [--problems out.csv] [--value X] FILE",
		Short: "Look at a list before it is loaded: nothing leaves the desk",
		Long: "Reads a list (CSV, TSV, TXT, Excel, Parquet; plain, .gz, .zst, .zip) and shows what its columns are, what would be sent of each, " +
			"and what is accepted, mended and refused. Samples are masked.",
		Args: exactArgs("file"),
	}
	f.add(cmd, "list.yaml: what the columns are; guessed from names and values where there is none")
	cmd.Flags().StringVar(&f.propose, "propose", "", "write the guesses to a list.yaml `file`")
	cmd.Flags().StringVar(&f.value, "value", "", "show the normal form and hashes of one `value`, and whether the first 1,000 rows hold it; - reads it from standard input")
	cmd.Flags().StringVar(&f.kind, "kind", "", "email, phone, cookie or maid: of --value, or of a file of bare hashes")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.schema != "" && f.propose != "" {
			return usageError{errors.New("--propose writes a list.yaml and --schema reads one; give one of them")}
		}
		if f.kind != "" {
			if _, err := identifier.ParseKind(f.kind); err != nil {
				return usageError{fmt.Errorf("--kind: %w", err)}
			}
		}
		if f.value == "-" {
			line, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), maxValue))
			if err != nil {
				return fmt.Errorf("reading the value: %w", err)
			}
			f.value, _, _ = strings.Cut(string(line), "\n")
		}
		if f.json = asJSON(cmd); f.json && f.value != "" {
			return usageError{errors.New("--value shows an identifier to who sits at the desk: leave --json away")}
		}
		return checkList(cmd.Context(), args[0], &f, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return jsonFlag(cmd)
}

func checkList(ctx context.Context, path string, f *checkFlags, out, errOut io.Writer) error {
	schema, err := readListSchema(f.schema)
	if err != nil {
		return err
	}
	if err := checkTarget(f.problems, path, f.schema, f.propose); err != nil {
		return err
	}
	return readFile(path, func(file *os.File, size int64) error {
		p := newProgress(errOut, "checking list", size, f.noProgress)
		defer p.done()
		o := intake.Options{Name: filepath.Base(path), Today: today(), Progress: p.rows, Formats: formats.All(), Kind: f.kind}
		proposal, err := intake.Propose(ctx, file, size, o)
		if err != nil {
			return err
		}
		by := schema // what the list is counted by
		if schema != nil {
			proposal.Declare(schema)
		} else {
			by = countBy(proposal)
		}
		if f.json {
			report, err := f.read(ctx, file, size, o, by, p)
			if err != nil {
				return err
			}
			if schema == nil && f.propose != "" {
				if err := f.write(proposal, io.Discard); err != nil {
					return err
				}
			}
			return showChecked(out, proposal, report)
		}
		showProposal(out, o.Name, proposal)
		if f.value != "" {
			if err := showValue(out, proposal, f.value, f.kind); err != nil {
				return err
			}
		}
		if err := f.count(ctx, file, size, o, by, p, out); err != nil {
			return err
		}
		if schema != nil {
			return nil
		}
		return f.write(proposal, out)
	})
}

// countBy gives the schema that a list without one is counted by: as proposed, without
// what is left open.
func countBy(p *intake.Proposal) *entrustment.ListSchema {
	s := *p.Schema
	s.Drop = slices.Concat(s.Drop, p.Open())
	return &s
}

// count reads the whole list as it would be loaded and shows the report. The
// rows go nowhere.
func (f *checkFlags) count(ctx context.Context, file io.ReaderAt, size int64, o intake.Options, schema *entrustment.ListSchema, p *progress, out io.Writer) error {
	report, err := f.read(ctx, file, size, o, schema, p)
	if err == nil {
		showReport(out, report, f.problems)
	}
	return err
}

func (f *checkFlags) read(ctx context.Context, file io.ReaderAt, size int64, o intake.Options, schema *entrustment.ListSchema, p *progress) (*intake.Report, error) {
	in, err := intake.OpenList(ctx, file, size, schema, o)
	if err != nil {
		return nil, err
	}
	for _, err := range in.Rows() {
		if err != nil {
			return nil, err
		}
	}
	p.done()
	if f.problems != "" {
		if err := writeFile(f.problems, in.Report().WriteProblems); err != nil {
			return nil, err
		}
	}
	return in.Report(), nil
}

// checkedColumn is a column as awase list check prints it as JSON: without samples,
// which are for the screen of whoever owns the file.
type checkedColumn struct {
	Position  int    `json:"position"`
	Column    string `json:"column"`
	Use       string `json:"use"`
	Holds     string `json:"holds"`
	Certainty string `json:"certainty"`
	Why       string `json:"why"`
	Sent      string `json:"sent"`
	Filled    int    `json:"filled"`
}

func showChecked(out io.Writer, p *intake.Proposal, r *intake.Report) error {
	said := struct {
		Template string                  `json:"template,omitempty"`
		Headless bool                    `json:"headless"`
		Columns  []checkedColumn         `json:"columns"`
		Warnings []string                `json:"warnings,omitempty"`
		Schema   *entrustment.ListSchema `json:"schema"` // that the guesses make, or that was given
		Report   *intake.Report          `json:"report"`
	}{p.Template, p.Headless, []checkedColumn{}, p.Warnings, p.Schema, r}
	for _, c := range p.Columns {
		said.Columns = append(said.Columns, checkedColumn{c.Position, c.Column, c.Use, c.Holds, fmt.Sprint(c.Certainty), c.Why, c.Sent, c.Filled})
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(said)
}

// write puts the proposed schema into a new file, or shows it.
func (f *checkFlags) write(p *intake.Proposal, out io.Writer) error {
	text, err := yaml.Marshal(p.Schema)
	if err != nil {
		return fmt.Errorf("writing the proposed list.yaml: %w", err)
	}
	if f.propose == "" {
		fmt.Fprintf(out, "proposed list.yaml (--propose FILE writes it):\n  %s\n", strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n  "))
		return nil
	}
	if _, err := os.Stat(f.propose); err == nil {
		return badFile(f.propose, filepath.Base(f.propose)+" is there already and may have been edited", "name another file")
	}
	suggested := p.Suggest()
	for _, name := range p.Open() {
		text = fmt.Appendf(text, "# Not decided, so that no list loads by this file yet: %q speaks of consent, too. Name the column that counts under consent:, the other under drop:.\n", name)
	}
	text = append(text, suggestions(suggested)...)
	if err := writeFile(f.propose, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
		return err
	}
	fmt.Fprintf(out, "wrote %s: read it through, correct it, and load the list with it\n", filepath.Base(f.propose))
	if len(suggested) > 0 {
		fmt.Fprintf(out, "  columns of few values stand at its end as comments (%d): uncomment those to ask by\n", len(suggested))
	}
	return nil
}

// suggestions writes, as comments, the columns that could be asked by. They hold
// values of the file, so they are for a file beside it, not for the screen.
func suggestions(list []intake.Suggestion) string {
	if len(list) == 0 {
		return ""
	}
	text := "# To ask by one of these, move its line under columns:, and take the column out of drop:. Check name and values.\n"
	for i := range list {
		text += "# " + list[i].Line() + "\n"
	}
	return text
}

// showProposal writes what the columns are. Samples are masked and go to the
// screen of whoever owns the file, nowhere else.
func showProposal(w io.Writer, name string, p *intake.Proposal) {
	fmt.Fprintf(w, "%s: nothing leaves this desk\n", name)
	if p.Template != "" {
		fmt.Fprintf(w, "  the form of %s\n", p.Template)
	}
	if p.Headless {
		fmt.Fprintln(w, "  no header: each line is a person")
	}
	for _, c := range p.Columns {
		fmt.Fprintf(w, "  %d %s: %s, %s; %s\n", c.Position, columnName(c), c.Use, c.Certainty, c.Why)
		if len(c.Samples) > 0 {
			fmt.Fprintf(w, "      %s\n", strings.Join(c.Samples, " · "))
		}
		fmt.Fprintf(w, "      holds %s; sent: %s\n", c.Holds, c.Sent)
	}
	for _, warning := range p.Warnings {
		fmt.Fprintf(w, "  note: %s\n", warning)
	}
}

func columnName(c intake.Guess) string {
	if c.Column == "" {
		return "(no name)"
	}
	return c.Column
}

// showValue writes a value's normal form and hash under each profile, and where
// the first rows hold it. The value itself is not repeated.
func showValue(w io.Writer, p *intake.Proposal, value, kindName string) error {
	if kindName == "" {
		if kindName = p.KindOf([]byte(value)); kindName == "" {
			return usageError{errors.New("--value is neither an address, a phone number nor an advertising id; say what it is with --kind")}
		}
	}
	kind, err := identifier.ParseKind(kindName)
	if err != nil {
		return usageError{fmt.Errorf("--kind: %w", err)}
	}
	region := p.Schema.Region
	if region == "" {
		region = entrustment.Home
	}
	norm, err := identifier.New(region)
	if err != nil {
		return fmt.Errorf("normalising the value: %w", err)
	}
	fmt.Fprintf(w, "the value, as %s:\n", kind)
	for _, profile := range identifier.Profiles() {
		text, _, err := norm.Normalise(profile, kind, []byte(value))
		if err != nil {
			fmt.Fprintf(w, "  %-16s can't be sent: %s\n", profile, reason(err))
			continue
		}
		hash := sha256.Sum256(text)
		fmt.Fprintf(w, "  %-16s %s  %s\n", profile, hex.EncodeToString(hash[:]), text)
	}
	found, err := p.Find(kind, []byte(value))
	if err != nil {
		fmt.Fprintln(w, "  it is no identifier, so no row can hold it")
		return nil
	}
	if len(found) == 0 {
		fmt.Fprintf(w, "  not in the first %s: if it should be there hashed, the hashes are salted, doubled, or of a value that was not normalised\n", entrustment.Count(p.Rows, "row", "rows"))
	}
	for i, s := range found {
		if i == 10 {
			fmt.Fprintf(w, "  and in %s\n", entrustment.Count(len(found)-i, "more row", "more rows"))
			break
		}
		fmt.Fprintf(w, "  in row %d, column %s: %s\n", s.Row, s.Column, s.Form)
	}
	return nil
}
