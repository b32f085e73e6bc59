package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"awase/api/client"
	"awase/crypto/seal"
	"awase/entrustment"
)

// sending is a file on its way, in a directory of its own:
//
//	sending.json   what was done so far, written before and after each step
//	sealed.awase   the sealed file, once it is whole
//
// Each step can be done again after a crash at any place without doing anything
// twice: sealing makes the file anew, an upload goes on from where the room has it,
// and the job is started under a key that stands here before it is sent. How the
// file was sealed (the HPKE context) is never kept: what is resumed is ciphertext.
type sending struct {
	dir    string
	What   what            `json:"what"`
	File   string          `json:"file,omitempty"`   // of a watched directory: its name there
	Since  time.Time       `json:"since"`            // when it was begun
	Sealed string          `json:"sealed,omitempty"` // path of the sealed file
	Report json.RawMessage `json:"report,omitempty"` // of its validation
	Text   string          `json:"text,omitempty"`   // of the same, for people
	Upload string          `json:"upload,omitempty"`
	Key    string          `json:"key,omitempty"` // of the request that starts the job
	Job    string          `json:"job,omitempty"`
	Ended  *ending         `json:"ended,omitempty"`
}

// openSending gives what is under way in a directory, or what begins there.
func openSending(dir string, w what) (*sending, error) {
	s := &sending{dir: dir}
	raw, err := os.ReadFile(filepath.Join(dir, "sending.json"))
	if errors.Is(err, fs.ErrNotExist) {
		s.What, s.Since = w, time.Now()
		return s, s.save()
	}
	if err != nil {
		return nil, fileError(dir, err)
	}
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, badFile(filepath.Join(dir, "sending.json"), "it is not what awase upload wrote", "remove the directory "+dir+": the file is then sealed and sent anew")
	}
	return s, nil
}

func (s *sending) save() error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, "sending.json")
	return writeFile(path, func(w io.Writer) error { _, err := w.Write(raw); return err })
}

// uploadScopes are all that a token needs for awase upload, whatever it sends.
const uploadScopes = "room:read, uploads:write, data:write, jobs:read"

// send takes a file through what is not done yet, and gives what the room said of
// the load.
func (d *desk) send(ctx context.Context, s *sending, path string, out io.Writer) (json.RawMessage, error) {
	loaded, err := d.steps(ctx, s, path, out)
	// The room names one scope that is missing: with that alone the next step fails.
	if e, ok := errors.AsType[*client.Error](err); ok && e.Status == http.StatusForbidden && strings.Contains(e.Refusal.Detail, "the scope ") {
		all, refusal := *e, *e.Refusal
		refusal.Mend = "awase upload needs a token with the scopes " + uploadScopes + ": make one that has them (docs/uploads.md)"
		all.Refusal = &refusal
		err = &all
	}
	return loaded, err
}

func (d *desk) steps(ctx context.Context, s *sending, path string, out io.Writer) (json.RawMessage, error) {
	if err := d.sealed(ctx, s, path, out); err != nil {
		return nil, err
	}
	for fresh := false; ; fresh = true {
		if err := d.sent(ctx, s); err != nil {
			return nil, err
		}
		loaded, err := d.loaded(ctx, s)
		e, answered := errors.AsType[*client.Error](err)
		if fresh || !answered || s.Job != "" || e.Status != http.StatusGone && e.Status != http.StatusNotFound {
			return loaded, err
		}
		// The upload expired before its job was started. The ciphertext is here.
		s.Upload, s.Key = "", ""
		if err := s.save(); err != nil {
			return nil, err
		}
	}
}

// sealed sees that there is a sealed file.
func (d *desk) sealed(ctx context.Context, s *sending, path string, out io.Writer) error {
	if s.Sealed != "" {
		if _, err := os.Stat(s.Sealed); err == nil {
			_, err := io.WriteString(out, s.Text)
			return err
		}
		s.Sealed, s.Upload, s.Key, s.Job = "", "", "", "" // the ciphertext is gone: a new upload, of a new one
	}
	already := false
	if err := readFile(path, func(f *os.File, size int64) error {
		already = isSealed(f, size)
		if !already {
			return nil
		}
		return s.What.fits(f)
	}); err != nil {
		return err
	}
	if already {
		if s.What.MinRows > 0 {
			return badFile(path, "it is sealed, so its rows can't be counted", "drop the table itself, or take min_rows out of its rule in watch.yaml")
		}
		s.Sealed = path
		return s.save()
	}
	to := filepath.Join(s.dir, "sealed.awase")
	problems := d.problems
	if s.File != "" {
		problems = filepath.Join(s.dir, "problems.csv")
	}
	text := &textKept{out: out}
	report, err := d.seal(ctx, s.What, path, to, problems, text)
	s.Text = text.String()
	if report != nil {
		var jerr error
		if s.Report, jerr = json.Marshal(report); jerr != nil {
			return jerr
		}
	}
	if err != nil {
		return err
	}
	if least := s.What.MinRows; report.Accepted < least {
		return badFile(path, fmt.Sprintf("%s rows of it are accepted, and its rule wants at least %s", thousands(report.Accepted), thousands(least)),
			"is it whole? Its report says what was rejected; if it is right so, lower min_rows in watch.yaml")
	}
	s.Sealed = to
	return s.save()
}

// fits refuses a file that was sealed at another time for something else.
func (w what) fits(f *os.File) error {
	head, err := seal.ReadHead(io.NewSectionReader(f, 0, 1<<22))
	if err != nil {
		return badFile(f.Name(), "it begins as a sealed file and is none", "seal the table again")
	}
	want := head.Address
	want.Entrustment, want.Name = w.address()
	if head.Address != want {
		return badFile(f.Name(), "it was sealed for "+destined(head.Address)+", and is sent as "+destined(want), "send it as what it was sealed for, or seal it again for this")
	}
	return nil
}

// sent sees that the room has every byte of the sealed file.
func (d *desk) sent(ctx context.Context, s *sending) error {
	if s.Key != "" {
		return nil // it had, and the job was started or about to be
	}
	f, err := os.Open(s.Sealed)
	if err != nil {
		return fileError(s.Sealed, err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fileError(s.Sealed, err)
	}
	for fresh := false; ; fresh = true {
		if s.Upload == "" {
			id, name := s.What.address()
			if s.Upload, err = d.room.CreateUpload(ctx, id, name, st.Size()); err != nil {
				return err
			}
			if err := s.save(); err != nil {
				return err
			}
		}
		p := newProgress(d.errOut, "sending", st.Size(), d.noProgress || d.json)
		err := d.room.Upload(ctx, s.Upload, f, st.Size(), p.sending(st.Size()))
		p.done()
		if e, ok := errors.AsType[*client.Error](err); ok && !fresh && (e.Status == http.StatusNotFound || e.Status == http.StatusGone) {
			s.Upload = "" // it expired: begin another
			continue
		}
		if err != nil {
			return err
		}
		var key [16]byte
		_, _ = rand.Read(key[:]) // never fails
		s.Key = hex.EncodeToString(key[:])
		return s.save()
	}
}

// loaded sees that a job loads the upload, waits for it, and gives its result. A
// job that failed for a reason that passes is started again by the next call.
func (d *desk) loaded(ctx context.Context, s *sending) (json.RawMessage, error) {
	if s.Job == "" {
		path, body, err := s.request()
		if err != nil {
			return nil, err
		}
		var j client.Job
		for tries := 0; ; tries++ {
			err := d.room.Post(ctx, path, s.Key, body, &j)
			if err == nil {
				break
			}
			// The request of a process that was killed may be under way still.
			if e, ok := errors.AsType[*client.Error](err); !ok || e.Status != http.StatusConflict || e.Refusal.Field != "Idempotency-Key" || tries == 20 {
				return nil, err
			}
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Second / 4):
			}
		}
		s.Job = j.ID
		if err := s.save(); err != nil {
			return nil, err
		}
	}
	p := newProgress(d.errOut, "loading", 1, d.noProgress || d.json)
	defer p.done()
	var result json.RawMessage
	err := d.room.Follow(ctx, s.Job, nil, &result)
	if err != nil && !atFault(err) && ctx.Err() == nil {
		if _, answered := errors.AsType[*client.Error](err); !answered { // the job's own reason
			s.Job, s.Key = "", ""
			err = errors.Join(err, s.save())
		}
	}
	return result, err
}

// request gives what starts the job.
func (s *sending) request() (path string, body map[string]any, err error) {
	body = map[string]any{"upload": s.Upload}
	switch w := s.What; {
	case w.Base:
		schema, err := readBaseSchema(w.Schema)
		body["schema"] = schema
		return "/v1/bases", body, err
	case w.Events && w.Entrustment == "":
		body["own"] = true
		return "/v1/events", body, nil
	case w.Events:
		body["entrustment"] = w.Entrustment
		return "/v1/events", body, nil
	default:
		body["entrustment"], body["name"] = w.Entrustment, w.Name
		return "/v1/lists", body, nil
	}
}

// takeBack removes the upload of a file that was refused: it takes room in the
// party's quota.
func (d *desk) takeBack(ctx context.Context, s *sending) {
	if s.Upload == "" {
		return
	}
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	if err := d.room.DeleteUpload(ctx, s.Upload); err != nil && !atFault(err) {
		fmt.Fprintln(d.errOut, "awase: an upload that was refused stays in the room until it expires:", err)
	}
}

// atFault tells whether an error is of the file or of what it is sent as, so that
// the same again would be refused again. All else passes, or a person mends it.
func atFault(err error) bool {
	if client.Unreachable(err) {
		return false
	}
	e, ok := errors.AsType[*entrustment.Error](err)
	if !ok {
		return false
	}
	switch e.Code {
	case entrustment.CodeInternal, entrustment.CodeRate, entrustment.CodeFrozen, entrustment.CodeClock, entrustment.CodeLimit, "E_SIGN_IN", "E_CONFLICT":
		return false
	}
	return true
}

// sending gives what is told how many bytes were sent: it shows rate and time left.
func (p *progress) sending(size int64) func(int64) {
	begun, from := time.Time{}, int64(0)
	return func(n int64) {
		p.mu.Lock()
		if begun.IsZero() {
			begun, from = time.Now(), n
		}
		detail := sendingRate(n-from, size-n, time.Since(begun))
		p.mu.Unlock()
		p.to(n, detail)
	}
}

// sendingRate says how fast bytes went, and how long the rest takes at that.
func sendingRate(sent, left int64, in time.Duration) string {
	if in <= 0 || sent <= 0 {
		return "sending"
	}
	rate := float64(sent) / in.Seconds()
	return fmt.Sprintf("sending %.1f MB/s, %s left", rate/1e6, (time.Duration(float64(left)/rate) * time.Second).Round(time.Second))
}

// textKept passes text on and keeps it.
type textKept struct {
	out  io.Writer
	text []byte
}

// Write writes.
func (t *textKept) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	return t.out.Write(p)
}

// String gives all of it.
func (t *textKept) String() string { return string(t.text) }
