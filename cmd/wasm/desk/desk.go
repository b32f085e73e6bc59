package desk

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"awase/crypto/seal"
	"awase/entrustment"
	"awase/intake"
	"awase/intake/table"
)

// Options say what a file is and, to seal it, for whom.
type Options struct {
	Purpose seal.Purpose     `json:"purpose"`          // "base", "list" or "events"
	Name    string           `json:"name"`             // the file's name, for messages
	Today   string           `json:"today"`            // the JST day, yyyy-mm-dd
	Schema  string           `json:"schema,omitempty"` // base.yaml, list.yaml or events.yaml; a list may have none, and one is proposed
	Kind    string           `json:"kind,omitempty"`   // of a list without a header: email, phone or maid
	Change  seal.Change      `json:"change,omitempty"` // of a list, to its version before: "add" or "remove"; "" replaces it. Of an event log "instead": it takes the place of those before it
	From    entrustment.Date `json:"from,omitzero"`    // of an event log, the first and
	To      entrustment.Date `json:"to,omitzero"`      // the last day that it is declared to be of

	// To look at a list: the attributes that its contract takes. A header that is the
	// name of one is proposed as it.
	Attributes []intake.Attribute `json:"attributes,omitempty"`

	// To seal.
	Key         string `json:"key,omitempty"`         // the enclave's public key
	Entrustment string `json:"entrustment,omitempty"` // "" for a base, and for an event log of no entrustment
	Version     int    `json:"version,omitempty"`
	Party       string `json:"party,omitempty"`
	List        string `json:"list,omitempty"`   // of a list: its id
	Upload      string `json:"upload,omitempty"` // upload id, 32 hex digits; "" makes one
	After       string `json:"after,omitempty"`  // upload id of the sealed file that this one follows; "": of any
}

// Result is what came of a file.
type Result struct {
	Report      *intake.Report          `json:"report"`
	Groups      []Group                 `json:"groups,omitempty"`   // the same by column and reason, with the first rows
	Problems    string                  `json:"problems,omitempty"` // CSV: row, column, reason, mend
	Header      seal.Header             `json:"header"`             // what the rows hold
	Schema      *entrustment.ListSchema `json:"schema,omitempty"`   // of a list, as given or proposed
	Upload      string                  `json:"upload,omitempty"`   // sealed: the upload id
	Fingerprint string                  `json:"fingerprint,omitempty"`
	Bytes       int64                   `json:"bytes,omitempty"` // sealed: the file's size
}

// Desk checks and seals files of the formats it was made for; text is always
// one. Progress may be nil.
type Desk struct {
	Formats  []table.Format
	Progress func(rows, bytes int64)
}

// ParseOptions reads Options from JSON and refuses fields that it doesn't know.
func ParseOptions(data []byte) (o Options, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return Options{}, option("options", "are not as documented", "see cmd/wasm/desk")
	}
	return o, nil
}

// Check reads a file to its end and says what is in it.
func (d *Desk) Check(ctx context.Context, r io.ReaderAt, size int64, o Options) (*Result, error) {
	f, err := d.open(ctx, r, size, o)
	if err != nil {
		return nil, err
	}
	for _, err := range f.Rows() {
		if err != nil {
			return nil, err
		}
	}
	return result(f)
}

// Seal reads a file to its end and writes it to w, sealed. After an error what
// was written is of no use to anyone.
func (d *Desk) Seal(ctx context.Context, r io.ReaderAt, size int64, o Options, w io.Writer) (*Result, error) {
	key, err := seal.ParsePublicKey(o.Key)
	if err != nil {
		return nil, err
	}
	address, err := o.address()
	if err != nil {
		return nil, err
	}
	f, err := d.open(ctx, r, size, o)
	if err != nil {
		return nil, err
	}
	count := &counter{w: w}
	header := f.Header()
	header.After = o.After
	sealed, err := seal.NewWriter(count, key, address, header, seal.WriterOptions{})
	if err != nil {
		return nil, err
	}
	for rows, err := range f.Rows() {
		if err == nil {
			err = sealed.Write(rows)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := sealed.Close(); err != nil {
		return nil, err
	}
	out, err := result(f)
	if err != nil {
		return nil, err
	}
	out.Header = header
	out.Upload, out.Fingerprint, out.Bytes = hex.EncodeToString(address.Upload[:]), key.Fingerprint(), count.n
	return out, nil
}

// address gives what the options seal to.
func (o *Options) address() (a seal.Address, err error) {
	a = seal.Address{Entrustment: o.Entrustment, Version: o.Version, Party: o.Party, Name: o.List, Upload: seal.NewUpload()}
	switch o.Purpose {
	case seal.Base:
		a.Name = seal.BaseName
	case seal.Events:
		a.Name = seal.EventsName
	}
	if a.Entrustment == "" && o.Purpose != seal.List {
		a.Entrustment = seal.BaseEntrustment
	}
	if o.Upload != "" {
		id, err := hex.DecodeString(o.Upload)
		if err != nil || len(id) != len(a.Upload) {
			return a, option("upload", "is no upload id", "give 32 hex digits, or none")
		}
		copy(a.Upload[:], id)
	}
	return a, nil
}

func (d *Desk) open(ctx context.Context, r io.ReaderAt, size int64, o Options) (*intake.File, error) {
	today, err := entrustment.ParseDate(o.Today)
	if err != nil {
		return nil, option("today", "is no day", "write it as yyyy-mm-dd")
	}
	switch {
	case o.Change == "", o.Purpose == seal.List && (o.Change == seal.Add || o.Change == seal.Remove), o.Purpose == seal.Events && o.Change == seal.Instead:
	default:
		return nil, option("change", "is none", "write add or remove, for a list, or instead, for an event log; without it a list is replaced, and an event log added")
	}
	if o.From.IsZero() != o.To.IsZero() || o.To.Start().Before(o.From.Start()) || !o.From.IsZero() && o.Purpose != seal.Events {
		return nil, option("from", "is no first day of an event log", "write from and to, in this order, or neither")
	}

	in := intake.Options{Name: o.Name, Today: today, Kind: o.Kind, Change: o.Change, Period: entrustment.Window{From: o.From, To: o.To}, Formats: d.Formats, Progress: d.Progress}
	switch o.Purpose {
	case seal.Base:
		schema, err := entrustment.ParseBaseSchema("base.yaml", []byte(o.Schema))
		if err != nil {
			return nil, err
		}
		return intake.OpenBase(ctx, r, size, schema, in)
	case seal.List:
		var schema *entrustment.ListSchema
		if o.Schema != "" {
			if schema, err = parseList(o.Schema); err != nil {
				return nil, err
			}
		}
		return intake.OpenList(ctx, r, size, schema, in)
	case seal.Events:
		schema, err := entrustment.ParseEventSchema("events.yaml", []byte(o.Schema))
		if err != nil {
			return nil, err
		}
		return intake.OpenEvents(ctx, r, size, schema, in)
	default:
		return nil, option("purpose", "is none", "write base, list or events")
	}
}

// parseList reads a list.yaml. One that would use a column of names, addresses or
// postcodes is refused as a file with one is: on the page somebody chose it.
func parseList(text string) (*entrustment.ListSchema, error) {
	s, err := entrustment.ParseListSchema("list.yaml", []byte(text))
	refusal, ok := errors.AsType[*entrustment.Error](err)
	if !ok {
		return s, err
	}
	var said struct {
		Columns []entrustment.ListColumn `json:"columns"`
	}
	if json.Unmarshal([]byte(text), &said) != nil { // written by hand, as YAML
		return nil, err
	}
	for _, c := range said.Columns {
		if g := c.Generalise; c.Kind == "" && entrustment.LooksDirect(c.Column) && (g == nil || !g.Prefecture && !g.Region) {
			return nil, table.OfSort(table.SortDirect, refusal)
		}
	}
	return nil, err
}

func result(f *intake.File) (*Result, error) {
	out := &Result{Report: f.Report(), Header: f.Header(), Schema: f.Schema()}
	if out.Report.Problems > 0 {
		var b strings.Builder
		if err := out.Report.WriteProblems(&b); err != nil {
			return nil, err
		}
		out.Problems, out.Groups = b.String(), groups(out.Report)
	}
	return out, nil
}

// Refusal is what the page may show of an error. Errors of this program's parts
// hold no cell; any other is the page's own, of reading or writing.
type Refusal struct {
	Code   string
	Sort   table.Sort // of a file that is refused whole
	Line   string     // all of it
	Field  string     // where
	Detail string     // what is wrong
	Mend   string
	Clause string
}

// Shown gives what the page may show of an error.
func Shown(err error) Refusal {
	if e, ok := errors.AsType[*entrustment.Error](err); ok {
		return Refusal{string(e.Code), table.SortOf(err), e.Error(), e.Field, e.Detail, e.Mend, e.Clause}
	}
	if e, ok := errors.AsType[*seal.Error](err); ok {
		return Refusal{Code: "E_SEAL", Line: e.Error(), Detail: e.Error()}
	}
	if errors.Is(err, context.Canceled) {
		return Refusal{Code: "E_ABORTED", Line: "stopped", Detail: "stopped"}
	}
	return Refusal{Code: "E_PAGE", Line: err.Error(), Detail: err.Error()}
}

func option(field, detail, mend string) error {
	return &entrustment.Error{Code: entrustment.CodeDocument, Field: field, Detail: detail, Mend: mend}
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	if err != nil {
		err = fmt.Errorf("hand on what is sealed: %w", err)
	}
	return n, err
}
