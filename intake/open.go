package intake

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"awase/crypto/identifier"
	"awase/crypto/seal"
	"awase/entrustment"
	"awase/intake/table"
)

// defaultMaxLine is the longest row in bytes.
const defaultMaxLine = 1 << 20

// Options are how a file is read. The zero Options will do, except that ages
// need Today.
type Options struct {
	Name     string                  // the file's name, for messages; default "file"
	Today    entrustment.Date        // the JST day on which ages are taken from birth dates
	MaxLine  int                     // longest row in bytes; default 1 MiB
	Kind     string                  // list: the kind of a file without a header, one identifier a line
	Change   seal.Change             // what a list's rows do to the version before, or an event log to those before it
	Period   entrustment.Window      // events: the days that the log is of, declared; zero: any
	Labels   Labels                  // events: what the labels of a log stand for that names its users by them
	Formats  []table.Format          // what is read besides text; formats.All gives Parquet and Excel
	Progress func(rows, bytes int64) // called after each batch, by whoever ranges over the rows: rows and bytes read so far
}

// File is a file whose head has been read and found to fit its schema.
type File struct {
	ctx      context.Context // of Open: the rows are one piece of work with it
	source   table.Source
	plan     *plan
	schema   *entrustment.ListSchema
	report   *Report
	distinct *distinct
	size     int64 // of the file, packed as it may be
	progress func(rows, bytes int64)
	read     atomic.Bool
}

// OpenBase reads the head of the operator's table, CSV or Parquet by content,
// and matches its columns with base.yaml. A file that doesn't fit is an
// *entrustment.Error with CodeFile; ctx ends the reading of the rows too.
func OpenBase(ctx context.Context, r io.ReaderAt, size int64, schema *entrustment.BaseSchema, o Options) (*File, error) {
	o.defaults()
	src, packed, err := openSource(r, size, o)
	if err != nil {
		return nil, err
	}
	norm, err := identifier.New(schema.Region)
	if err != nil {
		return nil, fault(table.SortOther, o.Name, err.Error(), "mend region: in base.yaml")
	}
	b := bind(o.Name, src.Columns(), baseNames(schema), norm)
	p, err := planBase(b, schema, o.Today)
	if err != nil {
		return nil, err
	}
	return newFile(ctx, src, packed, b, p, o)
}

// OpenList reads the head of a list and matches its columns with list.yaml.
// Without a schema it proposes one from the header: known names of identifiers
// are read, names and addresses dropped, anything else refused. A file of one
// column without a header is read where its first line is plainly an
// identifier. Errors are those of OpenBase.
//
// A file that removes names people, and no more is read of it: neither values
// nor consent, for who withdrew theirs is to be taken off, and both may be
// missing. A person whose one identifier is unreadable goes by the others, and
// a raw identifier is looked for under every hash that a list may hold of it.
func OpenList(ctx context.Context, r io.ReaderAt, size int64, schema *entrustment.ListSchema, o Options) (*File, error) {
	o.defaults()
	src, packed, err := openSource(r, size, o)
	if err != nil {
		return nil, err
	}
	region := entrustment.Home
	if schema != nil && schema.Region != "" {
		region = schema.Region
	}
	norm, err := identifier.New(region)
	if err != nil {
		return nil, fault(table.SortOther, o.Name, err.Error(), "mend region: in list.yaml")
	}
	if _, _, err := headerless(src, o, norm, schema); err != nil {
		return nil, err
	}
	b := bind(o.Name, src.Columns(), listNames(schema), norm)
	if schema == nil {
		if schema, err = propose(b); err != nil {
			return nil, err
		}
	}
	p, err := planList(b, schema, o)
	if err != nil {
		return nil, err
	}
	p.region = region
	f, err := newFile(ctx, src, packed, b, p, o)
	if err != nil {
		return nil, err
	}
	f.schema, f.distinct, f.size = schema, &distinct{}, size
	return f, nil
}

func (o *Options) defaults() {
	if o.Name == "" {
		o.Name = "file"
	}
	if o.MaxLine <= 0 {
		o.MaxLine = defaultMaxLine
	}
}

// headerless gives a file of one identifier a line a header: the one column of
// its schema, or the kind that the first line shows. hash: that is a hash.
func headerless(src table.Source, o Options, norm *identifier.Normaliser, schema *entrustment.ListSchema) (did, hash bool, err error) {
	text, ok := src.(*textSource)
	if !ok || len(text.header) != 1 {
		return false, false, nil
	}
	kind := plainKind([]byte(text.header[0]), norm)
	hash = kind == "hash"
	switch {
	case kind == "":
		return false, false, nil
	case schema != nil:
		if len(schema.Columns) != 1 || schema.Columns[0].Kind == "" || schema.Consent != nil || schema.UserKey != "" {
			return false, false, nil
		}
		kind = schema.Columns[0].Column
	case o.Kind != "":
		kind = o.Kind
	case hash:
		return false, false, fault(table.SortHashKind, o.Name+" row 1", "the file has no header, and a hash doesn't show its kind", "add a first line that says email, phone or maid")
	}
	text.hold([]string{kind})
	return true, hash, nil
}

func newFile(ctx context.Context, src table.Source, packed string, b *binding, p *plan, o Options) (*File, error) {
	if err := src.Pick(b.picked); err != nil {
		return nil, err
	}
	r := &Report{File: o.Name, Packing: packed, Repairs: map[string]int64{}, Faults: map[Fault]int64{}, Columns: b.report, Dropped: b.dropped}
	r.describe(src.Describe())
	return &File{ctx: ctx, source: src, plan: p, report: r, progress: o.Progress}, nil
}

// Header gives what the rows hold.
func (f *File) Header() seal.Header { return f.plan.header }

// Schema gives the schema of a list, as given or proposed; nil for a base.
func (f *File) Schema() *entrustment.ListSchema { return f.schema }

// Report gives the validation report. It is whole when the rows have been read
// to their end.
func (f *File) Report() *Report { return f.report }

// baseNames gives the columns that a base schema speaks of.
func baseNames(s *entrustment.BaseSchema) []string {
	names := append([]string{s.UserKey, s.Verified, s.Consent.Version, s.Consent.Date}, s.Drop...)
	for _, c := range s.Identifiers {
		names = append(names, c.Column)
	}
	for _, c := range s.Attributes {
		names = append(names, c.Column)
	}
	for _, c := range s.Restrictions {
		names = append(names, c.Column)
	}
	for _, c := range s.Channels {
		names = append(names, c.Column)
	}
	return names
}

// listNames gives the columns that a list schema speaks of.
func listNames(s *entrustment.ListSchema) []string {
	if s == nil {
		return nil
	}
	names := append([]string(nil), s.Drop...)
	for _, c := range s.Columns {
		names = append(names, c.Column)
	}
	if s.Consent != nil {
		names = append(names, s.Consent.Column)
	}
	if s.UserKey != "" {
		names = append(names, s.UserKey)
	}
	return names
}

var errReadTwice = fmt.Errorf("the rows of a file are read once")
