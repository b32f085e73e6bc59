package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"awase/api/client"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
	"awase/intake/formats"
	faults "awase/intake/table"
)

// loadFlags are what the load commands share.
type loadFlags struct {
	schema     string
	problems   string
	repeated   func(error, io.ReaderAt, int64, intake.Options, *intake.Report) (error, bool) // of a base: names the rows that it was refused for
	signKey    string
	change     string
	from, to   string
	replace    bool
	after      string // upload id of the file before; of seal alone
	labels     []string
	noProgress bool
	json       bool
	reading    *progress // the bar of the file that is read
}

func (f *loadFlags) add(cmd *cobra.Command, schema string) {
	cmd.Flags().StringVar(&f.schema, "schema", "", schema)
	cmd.Flags().StringVar(&f.problems, "problems", "", "write a CSV `file` of row, column, reason, mend")
	cmd.Flags().BoolVar(&f.noProgress, "no-progress", false, "show no progress")
}

// addSign adds the flag of the commands that seal.
func (f *loadFlags) addSign(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.signKey, "sign-key", "", "sign the sealed file with the key in this `file` (awase seal-key)")
}

// addChange adds the flag of the commands that read lists.
func (f *loadFlags) addChange(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.change, "change", "", "the rows' `change` to the list: replace (default), add or remove")
}

// addPeriod adds the flags of the commands that read event logs.
func (f *loadFlags) addPeriod(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.from, "from", "", "the first `day` that an event log is of, 2026-11-24; rows of other days are rejected")
	cmd.Flags().StringVar(&f.to, "to", "", "the last `day`; without it, --from alone")
	cmd.Flags().BoolVar(&f.replace, "replace", false, "take the place of the event logs before it: of those days, or without days of all")
}

// readPeriod reads what the flags name.
func (f *loadFlags) readPeriod() (w entrustment.Window, err error) {
	if f.from == "" && f.to == "" {
		return w, nil
	}
	if f.from == "" {
		return w, usageError{errors.New("--to needs --from")}
	}
	if w.From, err = entrustment.ParseDate(f.from); err != nil {
		return w, usageError{fmt.Errorf("--from: %w", err)}
	}
	if w.To = w.From; f.to != "" {
		if w.To, err = entrustment.ParseDate(f.to); err != nil {
			return w, usageError{fmt.Errorf("--to: %w", err)}
		}
	}
	if w.To.Start().Before(w.From.Start()) {
		return w, usageError{errors.New("--to is before --from")}
	}
	return w, nil
}

// readChange reads what the flag names.
func (f *loadFlags) readChange() (seal.Change, error) {
	if f.replace {
		return seal.Instead, nil
	}
	switch f.change {
	case "", "replace":
		return seal.Replace, nil
	case "add":
		return seal.Add, nil
	case "remove":
		return seal.Remove, nil
	}
	return "", usageError{errors.New("--change is replace, add or remove")}
}

// says gives what became of a file: as text, or as JSON.
func (f *loadFlags) says(v any, text string) string {
	if !f.json {
		return text
	}
	raw, err := json.Marshal(v)
	if err != nil { // of numbers and names
		return "null"
	}
	return string(raw)
}

// loaded is what the load commands print as JSON.
type loaded struct {
	Report *intake.Report  `json:"report,omitempty"` // absent of a file that was sealed before
	Loaded json.RawMessage `json:"loaded"`           // null: it was refused
}

// show prints what the desk found in a file, and what became of it; text "": it
// was refused.
func (f *loadFlags) show(out io.Writer, r *intake.Report, text string) error {
	if !f.json {
		if r != nil {
			showReport(out, r, f.problems)
		}
		_, err := io.WriteString(out, text)
		return err
	}
	if text == "" {
		text = "null"
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(loaded{r, json.RawMessage(text)})
}

// sends shows the phases of a load over the network that come after the reading.
func (f *loadFlags) sends(e wire.Enclave, errOut io.Writer) {
	r, ok := e.(*client.Room)
	if !ok {
		return
	}
	phase := ""
	var bar *progress
	r.OnProgress(func(now string, done, of int64) {
		if now != phase {
			if bar = cmp.Or(bar, f.reading); bar != nil {
				bar.done()
			}
			phase, bar = now, newProgress(errOut, now, of, f.noProgress)
		}
		bar.to(done, now)
		if done == of {
			bar.done()
		}
	})
}

// opener opens a data file of the desk.
type opener func(*os.File, int64, intake.Options) (*intake.File, error)

// opener gives what opens a data file of the desk: a base or a list, by the
// schema that the flags name.
func (f *loadFlags) opener(ctx context.Context, base bool) (opener, error) {
	if base {
		if f.schema == "" {
			return nil, usageError{errors.New("name the base's schema with --schema")}
		}
		schema, err := readBaseSchema(f.schema)
		return func(file *os.File, size int64, o intake.Options) (*intake.File, error) {
			return intake.OpenBase(ctx, file, size, schema, o)
		}, err
	}
	schema, err := readListSchema(f.schema)
	return func(file *os.File, size int64, o intake.Options) (*intake.File, error) {
		in, err := intake.OpenList(ctx, file, size, schema, o)
		if schema == nil {
			err = withoutSchema(err)
		}
		return in, err
	}, err
}

// withoutSchema says of a list whose columns don't tell alone what they are how to come
// by a schema.
func withoutSchema(err error) error {
	e, ok := errors.AsType[*entrustment.Error](err)
	if !ok || faults.SortOf(err) != faults.SortColumns {
		return err
	}
	told := *e
	told.Mend += "; awase list check FILE --propose list.yaml writes one to correct, and --schema list.yaml names it"
	return &told
}

// readListSchema reads list.yaml; nil where none is named.
func readListSchema(path string) (*entrustment.ListSchema, error) {
	if path == "" {
		return nil, nil
	}
	name, data, err := document(path)
	if err != nil {
		return nil, err
	}
	return entrustment.ParseListSchema(name, data)
}

func loadedWord(a wire.Ack) string {
	if a.Changed {
		return "loaded"
	}
	return "already there"
}

func listLoad() *cobra.Command {
	var f loadFlags
	var req wire.ListRequest
	cmd := &cobra.Command{Use: "load --vault V --entrustment E --name N [--schema list.yaml] list.csv|list.parquet", Short: "Load a list, or its next version", Args: exactArgs("file"),
		Long: "Makes the file's rows the list; or, with --change add, adds them to the version before; or, with --change remove, takes away every row of it that holds any identifier of the file, of which nothing but the identifiers is read. " +
			"A sealed file says itself what it does."}
	f.add(cmd, "list.yaml: what the columns are; proposed from the header where there is none")
	f.addSign(cmd)
	f.addChange(cmd)
	cmd.Flags().StringVar(&req.Entrustment, "entrustment", "", "the entrustment's `id`")
	cmd.Flags().StringVar(&req.Name, "name", "", "the list's `name`")
	return inVault(cmd, func(cmd *cobra.Command, args []string, e wire.Enclave) error {
		if req.Entrustment == "" || req.Name == "" {
			return usageError{errors.New("name the entrustment with --entrustment and the list with --name")}
		}
		f.json = asJSON(cmd)
		return loadList(cmd.Context(), e, req, args[0], &f, cmd.OutOrStdout(), cmd.ErrOrStderr())
	})
}

func loadList(ctx context.Context, e wire.Enclave, req wire.ListRequest, path string, f *loadFlags, out, errOut io.Writer) error {
	put := func(sealed io.Reader) (string, error) {
		loaded, err := e.LoadList(ctx, req, sealed)
		return f.says(loaded, listText(req.Name, loaded)), err
	}
	f.sends(e, errOut)
	to := destination{req.Name, func() (wire.Terms, error) { return e.Terms(ctx, req.Entrustment) }}
	open := func() (opener, error) { return f.opener(ctx, false) }
	return f.loadOrOpen(path, "loading list", out, errOut, open, to, put, func(in *intake.File) (string, error) {
		terms, err := to.terms()
		if err != nil {
			return "", err
		}
		sealed := f.sealing(ctx, terms, to.name, in)
		defer sealed.Close()
		return put(sealed)
	})
}

// listText says what became of a list.
func listText(name string, l wire.ListLoaded) string {
	text := fmt.Sprintf("list %s %s%s, %s to match by, version %d, log entry %d\n", name, listChange(l),
		entrustment.Count(l.Rows, "distinct row", "distinct rows"), entrustment.Count(l.Tokens, "hash", "hashes"), l.Version, l.Seq)
	if l.Tokens < l.Floor {
		text += fmt.Sprintf("  reports need a list of at least %s hashes\n", thousands(l.Floor))
	}
	return text
}

// listChange says what became of a list, up to its number of rows. Of one that took
// nobody's place there is nothing to say but how many.
func listChange(l wire.ListLoaded) string {
	word := loadedWord(l.Ack) + ": "
	if l.Added == nil || l.Removed == nil {
		return word
	}
	added, removed := entrustment.Count(*l.Added, "row", "rows")+" added, ", entrustment.Count(*l.Removed, "row", "rows")+" taken away, "
	switch {
	case l.Change == seal.Add:
		return word + added
	case l.Change == seal.Remove:
		return word + removed
	case l.Changed && (*l.Removed > 0 || *l.Added < l.Rows):
		return word + added + removed
	}
	return word
}

// loadOrOpen gives a sealed file to put as it is, and any other to send. A sealed
// file needs no schema: what it holds was said when it was sealed.
func (f *loadFlags) loadOrOpen(path, what string, out, errOut io.Writer, open func() (opener, error), to destination,
	put func(io.Reader) (string, error), send func(*intake.File) (string, error)) error {
	sealed := false
	err := readFile(path, func(file *os.File, size int64) error {
		if sealed = isSealed(file, size); !sealed {
			return nil
		}
		if f.problems != "" || f.signKey != "" || f.change != "" || f.from != "" || f.to != "" || f.replace || len(f.labels) > 0 {
			return usageError{errors.New("the file is sealed already: --problems, --sign-key, --change, --from, --to, --replace and --labels go with awase seal")}
		}
		p := newProgress(errOut, what, size, f.noProgress)
		f.reading = p
		defer p.done()
		text, err := put(bufio.NewReaderSize(file, 1<<20))
		p.done()
		if err != nil {
			return to.sealedError(file, err)
		}
		return f.show(out, nil, text)
	})
	if err != nil || sealed {
		return err
	}
	how, err := open()
	if err != nil {
		return err
	}
	return f.load(path, what, out, errOut, how, send)
}

// load opens a file, sends its rows to the enclave, and shows the validation
// report and what the enclave said.
func (f *loadFlags) load(path, what string, out, errOut io.Writer, open opener,
	send func(*intake.File) (string, error)) error {
	if err := checkTarget(f.problems, append([]string{path, f.schema, f.signKey}, f.labels...)...); err != nil {
		return err
	}
	change, err := f.readChange()
	if err != nil {
		return err
	}
	period, err := f.readPeriod()
	if err != nil {
		return err
	}
	return readFile(path, func(file *os.File, size int64) error {
		p := newProgress(errOut, what, size, f.noProgress)
		f.reading = p
		defer p.done()
		o := intake.Options{Name: filepath.Base(path), Today: today(), Formats: formats.All(), Progress: p.rows, Change: change, Period: period}
		in, err := open(file, size, o)
		if err != nil {
			return err
		}
		text, err := send(in)
		p.done()
		named := false
		if f.repeated != nil && err != nil {
			err, named = f.repeated(err, file, size, o, in.Report())
		}
		// A file of which no row could be used says why, row by row.
		if err != nil && !named && (in.Report().Rows == 0 || in.Report().Accepted > 0) {
			return err
		}
		if err != nil {
			text = ""
		}
		if f.problems != "" {
			if werr := writeFile(f.problems, in.Report().WriteProblems); werr != nil {
				return errors.Join(err, werr)
			}
		}
		return errors.Join(err, f.show(out, in.Report(), text))
	})
}

// checkTarget refuses a file to be written that can't be, or that is one of the
// command's own inputs, before anything is done.
func checkTarget(path string, inputs ...string) error {
	if path == "" {
		return nil
	}
	st, err := os.Stat(path)
	if err == nil && !st.Mode().IsRegular() {
		return badFile(path, "it is not a file", "name another to write to")
	}
	for _, in := range inputs {
		other, serr := os.Stat(in)
		if err == nil && serr == nil && os.SameFile(st, other) || in != "" && filepath.Clean(in) == filepath.Clean(path) {
			return badFile(path, filepath.Base(path)+" is used by this command already", "name another file to write to")
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".awase-*")
	if err != nil {
		return badFile(path, path+" can't be written", "is its directory there, and yours?")
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// readFile opens a data file for reading at any place.
func readFile(path string, do func(f *os.File, size int64) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fileError(path, err)
	}
	defer f.Close()
	st, err := f.Stat()
	switch {
	case err != nil:
		return fileError(path, err)
	case st.IsDir():
		return fileError(path, syscall.EISDIR)
	case !st.Mode().IsRegular():
		return badFile(path, "it is not a file", "save the table as one")
	}
	return do(f, st.Size())
}

func today() entrustment.Date { return entrustment.DateOf(time.Now()) }

// newOut refuses to write to a file that is there: what it holds may be kept nowhere
// else. "" is no file.
func newOut(path string) error {
	if path == "" {
		return nil
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return badFile(path, "it is there already", "name a file that is not")
	}
	return nil
}

// writeFile makes path hold what write writes, whole or not at all.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".awase-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	err = f.Chmod(0o644)
	if err == nil {
		err = write(struct{ io.Writer }{f}) // a library that closes what it writes to must not close ours
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
