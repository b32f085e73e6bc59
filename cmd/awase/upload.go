package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/spf13/cobra"

	"awase/api/client"
	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
)

// uploadFlags are those of awase upload.
type uploadFlags struct {
	loadFlags
	server       serverFlags
	entrustment  string
	name         string
	events, base bool
	key          string // fingerprint of the enclave's
	state        string
	watch        string
	every        time.Duration
	once         bool
	json         bool
}

func uploadCommand() *cobra.Command {
	var f uploadFlags
	cmd := &cobra.Command{
		Use:   "upload --server URL --entrustment E (--name N [--schema list.yaml] | --events --schema events.yaml) FILE... | upload --server URL --base --schema base.yaml FILE | upload --server URL --watch DIR",
		Short: "Check and seal files at the desk, send them to a room, and have them loaded",
		Long: "Reads each file as awase seal does and shows the same report; seals it to the enclave's key in the state directory; sends the sealed file, and goes on after each cut; has it loaded, waits, and shows what became of it. " +
			"The same command goes on where one before it was ended: a file is not sealed, sent or loaded twice. " +
			"With --watch it does so with every file that comes to rest in a directory, until it is ended (docs/uploads.md).",
	}
	f.server.register(cmd)
	cmd.Flags().Lookup("server").Usage = "the `address` of the room's service, as https://room.example; or set " + serverEnv
	f.add(cmd, "list.yaml, events.yaml or base.yaml")
	f.addSign(cmd)
	f.addChange(cmd)
	f.addPeriod(cmd)
	f.addLabels(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.entrustment, "entrustment", "", "the entrustment's `id`; with --events, none is the operator's own log")
	flags.StringVar(&f.name, "name", "", "the list's `name`")
	flags.BoolVar(&f.events, "events", false, "the files are event logs")
	flags.BoolVar(&f.base, "base", false, "the file is the operator's base")
	flags.StringVar(&f.key, "enclave-key", "", "refuse unless the enclave's key has this `fingerprint`")
	flags.StringVar(&f.state, "state", "", "the `directory` of sealed files on their way (default: awase in the user's cache directory)")
	flags.StringVar(&f.watch, "watch", "", "the `directory` to watch")
	flags.DurationVar(&f.every, "every", 2*time.Second, "with --watch: how often to look; a file that was the same for two looks is whole")
	flags.BoolVar(&f.once, "once", false, "with --watch: do what is there, and end")
	flags.BoolVar(&f.json, "json", false, "print one JSON object a file")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := f.check(args); err != nil {
			return err
		}
		c, err := f.server.client(patience{tell: cmd.ErrOrStderr()})
		if err != nil {
			return err
		}
		room := c.Room("", nil)
		defer room.Close()
		d := &desk{uploadFlags: &f, room: room, out: cmd.OutOrStdout(), errOut: cmd.ErrOrStderr()}
		if f.key == "" {
			fmt.Fprintln(d.errOut, "awase: the enclave's key is taken on the server's word; ask the operator for its fingerprint by another way, and name it with --enclave-key")
		}
		if f.watch != "" {
			return d.watch(cmd.Context(), f.watch)
		}
		for _, path := range args {
			if err := d.upload(cmd.Context(), path); err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}

// check refuses flags that contradict each other.
func (f *uploadFlags) check(args []string) error {
	usage := func(text string) error { return usageError{errors.New(text)} }
	switch {
	case f.watch != "" && len(args) > 0:
		return usage("--watch takes the files of a directory: name no others")
	case f.watch != "" && f.problems != "":
		return usage("--watch writes the problems of a file beside it")
	case f.watch == "" && len(args) == 0:
		return usage("name a file, or a directory with --watch")
	case f.watch == "" && f.once:
		return usage("--once is of --watch")
	case f.every <= 0:
		return usage("--every is longer than nothing")
	case len(args) > 1 && f.problems != "":
		return usage("--problems is of one file")
	case len(args) > 1 && !f.events && (f.base || f.change == "" || f.change == "replace"):
		return usage("each of several files would take the place of the one before: give one, or --change add or remove")
	}
	if f.watch != "" && f.entrustment == "" && f.name == "" && !f.events && !f.base && f.schema == "" {
		return nil // watch.yaml says
	}
	return f.what().check()
}

func (f *uploadFlags) what() what {
	return what{Entrustment: f.entrustment, Name: f.name, Events: f.events, Base: f.base, Schema: f.schema, Change: f.change, From: f.from, To: f.to, Replace: f.replace, SignKey: f.signKey, Labels: f.labels}
}

// what says what files become.
type what struct {
	Entrustment string   `json:"entrustment,omitempty" yaml:"entrustment"`
	Name        string   `json:"name,omitempty" yaml:"name"`
	Events      bool     `json:"events,omitempty" yaml:"events"`
	Base        bool     `json:"base,omitempty" yaml:"base"`
	Schema      string   `json:"schema,omitempty" yaml:"schema"` // path
	Change      string   `json:"change,omitempty" yaml:"change"`
	From        string   `json:"from,omitempty" yaml:"-"`
	To          string   `json:"to,omitempty" yaml:"-"`
	Replace     bool     `json:"replace,omitempty" yaml:"replace"`
	SignKey     string   `json:"sign_key,omitempty" yaml:"sign_key"` // path
	Labels      []string `json:"labels,omitempty" yaml:"labels"`     // paths
	MinRows     int64    `json:"min_rows,omitempty" yaml:"min_rows"` // of a watched directory: fewer accepted rows are refused
}

func (w what) check() error {
	usage := func(text string) error { return usageError{errors.New(text)} }
	switch {
	case w.Base && (w.Events || w.Entrustment != "" || w.Name != "" || w.Change != ""):
		return usage("the base is of no entrustment, and has no name and no change")
	case w.Base || w.Events:
		if w.Name != "" || w.Change != "" {
			return usage("only a list has a name and a change")
		}
	case w.Entrustment == "" || w.Name == "":
		return usage("name the entrustment and the list (--entrustment, --name), or say that it is an event log (--events) or the base (--base)")
	}
	if w.MinRows < 0 {
		return usage("min_rows is a number from 0")
	}
	if (w.From != "" || w.To != "" || w.Replace || len(w.Labels) > 0) && !w.Events {
		return usage("--from, --to, --replace and --labels are of event logs: --events")
	}
	return nil
}

// said tells whether anything is said.
func (w what) said() bool { return !reflect.ValueOf(w).IsZero() }

// address gives the entrustment and the name that the file is sealed and sent for.
func (w what) address() (entrustmentID, name string) {
	switch {
	case w.Base:
		return seal.BaseEntrustment, seal.BaseName
	case w.Events:
		return cmp.Or(w.Entrustment, seal.BaseEntrustment), seal.EventsName
	}
	return w.Entrustment, w.Name
}

// desk sends files to a room.
type desk struct {
	*uploadFlags
	room        *client.Room
	out, errOut io.Writer
	unmatched   map[string]bool // files of a watched directory that no rule names, which was said
}

// upload sends one file from where it lies. What is under way lies in the state
// directory under a name made of what is sent where.
func (d *desk) upload(ctx context.Context, path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return fileError(path, err)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	state := d.state
	if state == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return usageError{errors.New("there is no cache directory: name one with --state")}
		}
		state = filepath.Join(cache, "awase")
	}
	w := d.what()
	raw, err := json.Marshal(struct {
		What         what
		Server, Path string
		Size, At     int64
	}{w, d.room.Server(), abs, st.Size(), st.ModTime().UnixNano()})
	if err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	dir := filepath.Join(state, hex.EncodeToString(sum[:12]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fileError(state, err)
	}
	unlock, err := lockFile(filepath.Join(dir, "lock"), "another awase upload sends this file")
	if err != nil {
		return err
	}
	defer unlock()
	s, err := openSending(dir, w)
	if err != nil {
		return err
	}
	said := d.out
	if d.json {
		said = io.Discard
	}
	loaded, err := d.send(ctx, s, path, said)
	if err != nil {
		if atFault(err) { // going on would be refused again
			d.takeBack(ctx, s)
			err = errors.Join(err, os.RemoveAll(dir))
		}
		return err
	}
	if err := d.show(s, filepath.Base(path), loaded); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// show prints what became of a file.
func (d *desk) show(s *sending, file string, loaded json.RawMessage) error {
	if d.json {
		return json.NewEncoder(d.out).Encode(struct {
			File   string          `json:"file"`
			Upload string          `json:"upload"`
			Job    string          `json:"job"`
			Report json.RawMessage `json:"report,omitempty"`
			Result json.RawMessage `json:"result"`
		}{file, s.Upload, s.Job, s.Report, loaded})
	}
	text, err := s.What.loadedText(loaded)
	if err == nil {
		_, err = io.WriteString(d.out, text)
	}
	return err
}

// loadedText says what a job's result is, in the words of the load commands.
func (w what) loadedText(raw json.RawMessage) (string, error) {
	switch {
	case w.Base:
		var l wire.BaseLoaded
		err := json.Unmarshal(raw, &l)
		return baseText(l), err
	case w.Events:
		var l wire.EventsLoaded
		err := json.Unmarshal(raw, &l)
		return eventsText(wire.EventsRequest{Entrustment: w.Entrustment}, l), err
	}
	var l wire.ListLoaded
	err := json.Unmarshal(raw, &l)
	return listText(w.Name, l), err
}

// seal checks a file and seals it to path to, whole or not at all.
func (d *desk) seal(ctx context.Context, w what, path, to, problems string, out io.Writer) (*intake.Report, error) {
	id, _ := w.address()
	terms, err := d.room.Terms(ctx, id)
	if err != nil {
		return nil, err
	}
	if got := terms.Key.Fingerprint(); d.key != "" && got != d.key {
		return nil, &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §4", Field: "enclave-key", Detail: "the server gives a key with another fingerprint",
			Mend: "send nothing; ask the operator whether the enclave has a new key, by another way than this server"}
	}
	f := loadFlags{schema: w.Schema, problems: problems, signKey: w.SignKey, change: w.Change, from: w.From, to: w.To, replace: w.Replace, labels: w.Labels, noProgress: d.noProgress || d.json}
	open, name, err := f.sealOpener(ctx, terms, w.Name, w.Events)
	if err != nil {
		return nil, err
	}
	var report *intake.Report
	err = f.load(path, "sealing", out, d.errOut, open, func(in *intake.File) (string, error) {
		report = in.Report()
		return "", writeFile(to, func(o io.Writer) error {
			b := bufio.NewWriterSize(o, 1<<20)
			if err := f.sealRows(ctx, b, terms, name, in); err != nil {
				return err
			}
			return b.Flush()
		})
	})
	return report, err
}
