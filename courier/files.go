package courier

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"awase/crypto/delivery"
	"awase/crypto/identifier"
)

// Limits of files.
const (
	// LINE Ads takes hashed emails or phone numbers, one a line and without a header,
	// .csv or .txt, at most 60 MB. Read in linebiz.com/jp/manual/line-ads/tracking_011. Its
	// audience API needs an approval and a signature that only its holders can read up;
	// the Messaging API's upload (10,000 user ids in JSON, 1,500,000 in a text file) takes
	// LINE's own user ids and raw advertising ids, not hashes, so neither is sent to.
	lineLimit = 60_000_000
	// Yahoo! JAPAN Ads takes hashed emails as .txt, UTF-8 without BOM, LF or CRLF, at most
	// 200 MB. Read in ads-help.yahoo.co.jp, display, articles 37704 and 69234. That phone
	// numbers are taken since April 2024 we read in an agency's notice alone.
	yahooLimit = 200_000_000
	// TikTok takes CSV with a header, Email_SHA256, Phone_SHA256 and MAID_SHA256, each at
	// most three times, under 1 GB. Read in ads.tiktok.com/help/article/list-of-supported-
	// ids-and-formats-for-a-customer-file and how-to-create-a-custom-audience-with-a-
	// customer-file.
	tiktokLimit  = 1_000_000_000
	tiktokRepeat = 3
)

// Written is what Write made. Files are names in the directory; the counts are of the
// receiver's own log.
type Written struct {
	Files  []string
	Counts Counts
}

// Write writes a delivery as its destination's files into a directory, each whole or
// not at all, readable by their owner alone. Written again, they are the same files.
//
//   - google, meta, x: the bodies of the requests, one a batch, in JSON
//   - line, yahoo-japan: a hash a line, a file a kind; tiktok: CSV
//   - own-channel: CSV of user_key
//   - label: CSV of key, label in the order of the rows, and a JSON file of their set
func Write(ctx context.Context, f *delivery.File, dir string) (Written, error) {
	h := f.Header()
	w := &writer{dir: dir, stem: stem(&h)}
	err := w.write(ctx, f, &h)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = w.commit()
	}
	if err != nil {
		w.abort()
		if ctx.Err() != nil {
			err = &Error{Code: Interrupted, Err: ctx.Err()}
		}
		return Written{Counts: w.counts}, err
	}
	out := Written{Counts: w.counts}
	for _, p := range w.parts {
		out.Files = append(out.Files, p.name)
	}
	return out, nil
}

// stem begins the names of a delivery's files. It holds nothing but the header's own
// ids, and no count.
func stem(h *delivery.Header) string {
	s := fmt.Sprintf("%s-%d-%s", h.Campaign, h.Number, h.Destination)
	if h.Act == delivery.Remove {
		s += "-remove"
	}
	return s
}

// writer writes files beside their names, and renames them when all are whole.
type writer struct {
	dir, stem string
	parts     []*part
	counts    Counts
}

// part is a file that is being written.
type part struct {
	name string
	f    *os.File
	b    *bufio.Writer
	size int64
}

// create begins a file. What an earlier run left under its temporary name is
// overwritten.
func (w *writer) create(name string) (*part, error) {
	f, err := os.OpenFile(filepath.Join(w.dir, "."+name+".part"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		err = f.Chmod(0o600)
	}
	if err != nil {
		return nil, &Error{Code: NotWritten, Err: bare(err)}
	}
	p := &part{name: name, f: f, b: bufio.NewWriterSize(f, 1<<16)}
	w.parts = append(w.parts, p)
	return p, nil
}

// Write writes to the part.
func (p *part) Write(b []byte) (int, error) {
	p.size += int64(len(b))
	n, err := p.b.Write(b)
	if err != nil {
		err = &Error{Code: NotWritten, Err: bare(err)}
	}
	return n, err
}

// commit makes all parts durable, and then gives them their names.
func (w *writer) commit() error {
	for _, p := range w.parts {
		if err := errors.Join(p.b.Flush(), p.f.Sync(), p.f.Close()); err != nil {
			return &Error{Code: NotWritten, Err: bare(err)}
		}
	}
	for _, p := range w.parts {
		if err := os.Rename(p.f.Name(), filepath.Join(w.dir, p.name)); err != nil {
			return &Error{Code: NotWritten, Err: bare(err)}
		}
	}
	d, err := os.Open(w.dir)
	if err != nil {
		return &Error{Code: NotWritten, Err: bare(err)}
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return &Error{Code: NotWritten, Err: bare(err)}
	}
	return nil
}

// abort removes what was not finished.
func (w *writer) abort() {
	for _, p := range w.parts {
		_ = p.f.Close()
		_ = os.Remove(p.f.Name())
	}
}

// bare leaves paths out of what the file system says.
func bare(err error) error {
	var path *os.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

func (w *writer) write(ctx context.Context, f *delivery.File, h *delivery.Header) error {
	switch h.Destination {
	case delivery.Label:
		return w.labels(ctx, f, h)
	case delivery.OwnChannel:
		return w.users(ctx, f)
	}
	var err error
	switch h.Destination {
	case delivery.Line:
		err = w.lines(ctx, f, lineLimit)
	case delivery.YahooJapan:
		err = w.lines(ctx, f, yahooLimit)
	case delivery.TikTok:
		err = w.tiktok(ctx, f, tiktokLimit)
	default:
		err = w.bodies(ctx, f, h)
	}
	if err != nil {
		return err
	}
	return noneTaken(h, &w.counts)
}

// bodies writes the requests that Send would make, without credentials or account.
func (w *writer) bodies(ctx context.Context, f *delivery.File, h *delivery.Header) error {
	p, ok := platformOf(h.Destination)
	if !ok {
		return fail(NotWritten, "no form for "+h.Destination.String())
	}
	for b, err := range batches(f, p.limit(), p.weigh, &w.counts) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		w.counts.Batches++
		c := p.call(h, &Target{}, session{}, b)
		body := c.json
		if c.form != nil {
			body = map[string]json.RawMessage{"payload": json.RawMessage(c.form.Get("payload")), "session": json.RawMessage(c.form.Get("session"))}
		}
		raw, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("writing a request: %w", err)
		}
		out, err := w.create(fmt.Sprintf("%s-%04d.json", w.stem, b.n))
		if err != nil {
			return err
		}
		if _, err := out.Write(append(raw, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// series is files of one sort, each under the platform's limit.
type series struct {
	w     *writer
	name  string // without the number of the part
	end   string
	head  string
	limit int64
	n     int
	now   *part
}

// add writes a line, into a new part where it doesn't fit.
func (s *series) add(text string) error {
	if s.now == nil || s.now.size+int64(len(text)) > s.limit {
		s.n++
		name := s.name
		if s.n > 1 {
			name += fmt.Sprintf("-%d", s.n)
		}
		var err error
		if s.now, err = s.w.create(name + s.end); err != nil {
			return err
		}
		text = s.head + text
	}
	_, err := io.WriteString(s.now, text)
	return err
}

// lines writes a hash a line, emails and phone numbers apart, in lower-case hex.
func (w *writer) lines(ctx context.Context, f *delivery.File, limit int64) error {
	kinds := map[identifier.Kind]*series{}
	for _, k := range []identifier.Kind{identifier.Email, identifier.Phone} {
		kinds[k] = &series{w: w, name: w.stem + "-" + k.String(), end: ".txt", limit: limit}
	}
	for ids, err := range accepted(f, &w.counts) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := kinds[id.Kind].add(hex.EncodeToString(id.Hash[:]) + "\n"); err != nil {
				return err
			}
		}
	}
	return nil
}

// tiktok writes a person a row. No header stands more than three times, so a fourth
// hash of one kind has a row of its own.
func (w *writer) tiktok(ctx context.Context, f *delivery.File, limit int64) error {
	kinds := []identifier.Kind{identifier.Email, identifier.Phone, identifier.MAID}
	var head []string
	for _, name := range []string{"Email_SHA256", "Phone_SHA256", "MAID_SHA256"} {
		for range tiktokRepeat {
			head = append(head, name)
		}
	}
	out := &series{w: w, name: w.stem, end: ".csv", head: strings.Join(head, ",") + "\n", limit: limit - int64(len(head)*16)}
	for ids, err := range accepted(f, &w.counts) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		for from := 0; ; from += tiktokRepeat {
			var cells []string
			more := false
			for _, k := range kinds {
				hashes := ofKind(ids, k)
				for i := range tiktokRepeat {
					cells = append(cells, hexAt(hashes, from+i))
				}
				more = more || len(hashes) > from+tiktokRepeat
			}
			if err := out.add(strings.Join(cells, ",") + "\n"); err != nil {
				return err
			}
			if !more {
				break
			}
		}
	}
	return nil
}

// users writes the user keys for the operator's own sender, as they are: a program
// reads them. A delivery without anyone is a file of its header alone, so that the
// sender finds one for each delivery.
func (w *writer) users(ctx context.Context, f *delivery.File) error {
	out, err := w.create(w.stem + ".csv")
	if err != nil {
		return err
	}
	table := csv.NewWriter(out)
	if err := table.Write([]string{"user_key"}); err != nil {
		return err
	}
	for key, err := range f.Users() {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = writable(key)
		}
		if err != nil {
			return ofSlots(err)
		}
		w.counts.People++
		if err := table.Write([]string{string(key)}); err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}

// writable refuses a key that a reader of CSV would not give back: it drops a carriage
// return before a line end.
func writable(key []byte) error {
	if strings.ContainsRune(string(key), '\r') {
		return fail(NotWritten, "a user key holds a carriage return, which CSV does not keep")
	}
	return nil
}

// ofSlots gives an error of a delivery's slots its code.
func ofSlots(err error) error {
	if _, ok := errors.AsType[*delivery.Error](err); ok {
		return &Error{Code: NotOpened, Err: err}
	}
	return err
}
