package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/sys/unix"

	"awase/entrustment"
	"awase/intake"
)

// A watched directory:
//
//	list.csv              comes, and rests
//	.awase/ID/            taken: the file and its sending, one directory a file
//	done/TIME-list.csv    loaded, and beside it TIME-list.csv.report.json, .report.txt, .problems.csv
//	refused/TIME-list.csv refused, and the reason in .report.txt and .report.json
//
// A file is taken by a rename, after what it becomes is written down, and is put
// into done or refused by a rename, after how it ended is written down. So at each
// moment it lies in one place, and what a process that was killed left is gone on
// with.

const watchSchema = "awase.watch/v1"

// watchDoc is watch.yaml.
type watchDoc struct {
	Schema string      `yaml:"schema"`
	Files  []watchRule `yaml:"files"`
}

type watchRule struct {
	Match string `yaml:"match"` // pattern of names
	What  what   `yaml:",inline"`
}

// readRules gives what files of a directory become: as the flags say, or its
// watch.yaml.
func (d *desk) readRules(dir string) ([]watchRule, error) {
	path := filepath.Join(dir, "watch.yaml")
	w := d.what()
	if _, err := os.Stat(path); w.said() {
		if err == nil {
			return nil, usageError{errors.New("both flags and watch.yaml say what the files become: take one away")}
		}
		return []watchRule{{"*", w}}, d.readable(w)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	var doc watchDoc
	if err := yaml.UnmarshalWithOptions(raw, &doc, yaml.Strict()); err != nil {
		return nil, &entrustment.Error{Code: entrustment.CodeDocument, Field: "watch.yaml", Detail: yaml.FormatError(err, false, false), Mend: "see docs/uploads.md for its keys"}
	}
	bad := func(field, detail, mend string) error {
		return &entrustment.Error{Code: entrustment.CodeDocument, Field: "watch.yaml, " + field, Detail: detail, Mend: mend}
	}
	if doc.Schema != watchSchema || len(doc.Files) == 0 {
		return nil, bad("schema", "it is not a document "+watchSchema+" that names files", "see docs/uploads.md")
	}
	for i := range doc.Files {
		r, at := &doc.Files[i], fmt.Sprintf("files[%d]", i)
		if _, err := filepath.Match(r.Match, "x"); err != nil || r.Match == "" {
			return nil, bad(at+".match", "it is no pattern of names", `write it as "spring*.csv"`)
		}
		if err := r.What.check(); err != nil {
			return nil, bad(at, err.Error(), "see docs/uploads.md")
		}
		for _, p := range []*string{&r.What.Schema, &r.What.SignKey} {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(dir, *p)
			}
		}
		for i, p := range r.What.Labels {
			if !filepath.IsAbs(p) {
				r.What.Labels[i] = filepath.Join(dir, p)
			}
		}
		if err := d.readable(r.What); err != nil {
			return nil, err
		}
	}
	return doc.Files, nil
}

// readable refuses documents of the desk that can't be read before any file is
// taken for their sake.
func (d *desk) readable(w what) error {
	f := loadFlags{schema: w.Schema, labels: w.Labels}
	var err error
	switch {
	case w.Events:
		_, err = f.eventOpener(context.Background())
	default:
		_, err = f.opener(context.Background(), w.Base)
	}
	if err == nil && w.SignKey != "" {
		_, err = readSealKey(w.SignKey)
	}
	return err
}

// watch sends the files of a directory until ctx ends.
func (d *desk) watch(ctx context.Context, dir string) error {
	for _, sub := range []string{".awase", "done", "refused"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return fileError(dir, err)
		}
	}
	unlock, err := lockFile(filepath.Join(dir, ".awase", "lock"), "another awase upload --watch has the directory")
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := d.readRules(dir); err != nil {
		return err
	}
	if !d.once {
		fmt.Fprintf(d.errOut, "awase: watching %s, every %s\n", dir, d.every)
	}
	seen := map[string]fs.FileInfo{}
	d.unmatched = map[string]bool{}
	said := ""
	for {
		err := d.round(ctx, dir, seen)
		if ctx.Err() != nil {
			return nil // what is under way is gone on with by the next
		}
		// What passes, or a person mends, is said once, and tried again.
		if err != nil && err.Error() != said {
			fmt.Fprintln(d.errOut, "awase:", err)
		}
		said = ""
		if err != nil {
			said = err.Error()
		}
		if d.once && (err != nil || len(seen) == 0) {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(d.every):
		}
	}
}

// round goes on with what is under way, and takes what came to rest. seen are
// files that were there at the last look and are not at rest yet.
func (d *desk) round(ctx context.Context, dir string, seen map[string]fs.FileInfo) error {
	taken, err := os.ReadDir(filepath.Join(dir, ".awase"))
	if err != nil {
		return fileError(dir, err)
	}
	var waits error
	for _, e := range taken {
		if e.IsDir() {
			if err := d.goOn(ctx, dir, filepath.Join(dir, ".awase", e.Name())); err != nil {
				waits = err // and is not sent before those that came after it
				break
			}
		}
	}
	if waits != nil {
		return waits
	}
	rules, err := d.readRules(dir)
	if err != nil {
		return err
	}
	for _, name := range d.rested(dir, seen) {
		i := slices.IndexFunc(rules, func(r watchRule) bool { ok, err := filepath.Match(r.Match, name); return ok && err == nil })
		if i < 0 {
			if !d.unmatched[name] {
				d.unmatched[name] = true
				fmt.Fprintf(d.errOut, "awase: %s: no rule of watch.yaml matches it; it stays where it is\n", plain(name))
			}
			continue
		}
		at, err := d.take(dir, name, rules[i].What)
		if err != nil {
			return err
		}
		if err := d.goOn(ctx, dir, at); err != nil {
			return err
		}
	}
	return nil
}

// passedBy are endings of what the watch writes, and of what is not whole yet.
var passedBy = []string{".report.json", ".report.txt", ".problems.csv", ".yaml", ".part", ".tmp", ".crdownload", "~"}

// rested gives the files of a directory that were the same at the last look, oldest
// first.
func (d *desk) rested(dir string, seen map[string]fs.FileInfo) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // the next look says
	}
	var out []fs.FileInfo
	now := map[string]fs.FileInfo{}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || slices.ContainsFunc(passedBy, func(s string) bool { return strings.HasSuffix(name, s) }) {
			continue
		}
		st, err := e.Info()
		if err != nil || !st.Mode().IsRegular() { // gone meanwhile; or a link, which may lead anywhere
			continue
		}
		was := seen[name]
		if was != nil && was.Size() == st.Size() && was.ModTime().Equal(st.ModTime()) && os.SameFile(was, st) {
			out = append(out, st)
			continue
		}
		now[name] = st
	}
	clear(seen)
	for k, v := range now {
		seen[k] = v
	}
	slices.SortStableFunc(out, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	names := make([]string, len(out))
	for i, st := range out {
		names[i] = st.Name()
	}
	return names
}

// take takes a file: writes down what it becomes, and moves it.
func (d *desk) take(dir, name string, w what) (string, error) {
	// Names of work sort by when it was begun: it is gone on with in that order.
	at, err := os.MkdirTemp(filepath.Join(dir, ".awase"), time.Now().UTC().Format("20060102T150405.000000000")+"-")
	if err != nil {
		return "", fileError(dir, err)
	}
	s := &sending{dir: at, What: w, File: name, Since: time.Now()}
	if err := s.save(); err != nil {
		return "", err
	}
	if err := os.Mkdir(filepath.Join(at, "in"), 0o700); err != nil {
		return "", fileError(dir, err)
	}
	if err := os.Rename(filepath.Join(dir, name), filepath.Join(at, "in", name)); err != nil {
		return "", errors.Join(fileError(filepath.Join(dir, name), err), os.RemoveAll(at))
	}
	return at, nil
}

// ending is how a taken file ended.
type ending struct {
	Done   bool            `json:"done"`
	At     time.Time       `json:"at"`
	Reason *endReason      `json:"reason,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
}

type endReason struct {
	Code   entrustment.Code `json:"code"`
	Clause string           `json:"clause,omitempty"`
	Field  string           `json:"field,omitempty"`
	Detail string           `json:"detail"`
	Mend   string           `json:"mend,omitempty"`

	Contract entrustment.ContractClause `json:"contract,omitzero"`
}

// goOn takes a file as far as it gets. An error is that it waits for something
// that passes, or that a person mends.
func (d *desk) goOn(ctx context.Context, dir, at string) error {
	_, err := os.Stat(filepath.Join(at, "sending.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return os.RemoveAll(at) // it was not taken yet
	}
	s, err := openSending(at, what{})
	if err != nil {
		return err
	}
	if s.Ended == nil {
		file := filepath.Join(at, "in", s.File)
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return os.RemoveAll(at) // as above
		}
		loaded, err := d.send(ctx, s, file, io.Discard)
		refused, ok := errors.AsType[*entrustment.Error](err)
		switch {
		case err == nil:
			s.Ended = &ending{Done: true, At: time.Now(), Result: loaded}
		case ok && atFault(err) && ctx.Err() == nil:
			s.Ended = &ending{At: time.Now(), Reason: &endReason{refused.Code, refused.Clause, refused.Field, refused.Detail, refused.Mend, refused.Contract}}
		default:
			return fmt.Errorf("%s waits: %w", s.File, err)
		}
		if err := s.save(); err != nil {
			return err
		}
	}
	return d.settle(ctx, dir, s)
}

// settle writes the report of a file that ended, moves the file there, and forgets
// the sending. After a crash it does what is not done.
func (d *desk) settle(ctx context.Context, dir string, s *sending) error {
	if !s.Ended.Done {
		d.takeBack(ctx, s)
	}
	to := "refused"
	if s.Ended.Done {
		to = "done"
	}
	at := filepath.Join(dir, to, s.Since.In(tokyo).Format("20060102-150405.000000")+"-"+s.File)
	var came string
	switch {
	case s.Ended.Done:
		var err error
		if came, err = s.What.loadedText(s.Ended.Result); err != nil {
			return err
		}
	default:
		r := s.Ended.Reason
		came = "refused: " + (&entrustment.Error{Code: r.Code, Clause: r.Clause, Field: r.Field, Detail: r.Detail, Mend: r.Mend, Contract: r.Contract}).Error() + "\n"
	}
	text := s.Text + came
	raw, err := json.MarshalIndent(struct {
		File       string          `json:"file"`
		State      string          `json:"state"`
		Upload     string          `json:"upload,omitempty"`
		Job        string          `json:"job,omitempty"`
		Begun      time.Time       `json:"begun"`
		Validation json.RawMessage `json:"validation,omitempty"`
		*ending
	}{s.File, to, s.Upload, s.Job, s.Since, s.Report, s.Ended}, "", "  ")
	if err != nil {
		return err
	}
	// Written here and moved there: what a crash leaves half written is here.
	for name, body := range map[string][]byte{"report.json": append(raw, '\n'), "report.txt": []byte(text)} {
		if err := writeFile(filepath.Join(s.dir, name), func(w io.Writer) error { _, err := w.Write(body); return err }); err != nil {
			return err
		}
	}
	for from, to := range map[string]string{"report.json": at + ".report.json", "report.txt": at + ".report.txt", "problems.csv": at + ".problems.csv", filepath.Join("in", s.File): at} {
		if err := os.Rename(filepath.Join(s.dir, from), to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fileError(to, err)
		}
	}
	line := []string{to}
	if s.Report != nil {
		var r intake.Report
		if err := json.Unmarshal(s.Report, &struct {
			Rows      *int64 `json:"rows"`
			Accepted  *int64 `json:"accepted"`
			Rejected  *int64 `json:"rejected"`
			NoConsent *int64 `json:"no_consent"`
		}{&r.Rows, &r.Accepted, &r.Rejected, &r.NoConsent}); err != nil {
			return fmt.Errorf("reading the report of %s: %w", s.File, err)
		}
		line = append(line, fmt.Sprintf("rows %s, accepted %s, rejected %s, without consent %s", thousands(r.Rows), thousands(r.Accepted), thousands(r.Rejected), thousands(r.NoConsent)))
	}
	for l := range strings.Lines(strings.TrimPrefix(came, "refused: ")) {
		line = append(line, strings.TrimSpace(l))
	}
	fmt.Fprintf(d.out, "%s: %s\n", plain(s.File), strings.Join(line, "; "))
	return os.RemoveAll(s.dir)
}

var tokyo = time.FixedZone("JST", 9*60*60)

// lockFile takes the lock of a file for this process, and gives what frees it.
func lockFile(path, taken string) (func(), error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fileError(path, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(badFile(filepath.Dir(path), taken, "wait for it, or end it"), f.Close())
	}
	return func() { _ = f.Close() }, nil // frees the lock, and can fail at nothing that counts
}
