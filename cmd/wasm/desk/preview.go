package desk

import (
	"context"
	"io"

	"awase/crypto/identifier"
	"awase/entrustment"
	"awase/intake"
)

// Preview is what the first rows of a list show, before it is read whole.
type Preview struct {
	Format    string   `json:"format"`
	Encoding  string   `json:"encoding"`
	Delimiter string   `json:"delimiter,omitempty"`
	Packing   string   `json:"packing,omitempty"`
	Notices   []string `json:"notices,omitempty"`
	Template  string   `json:"template,omitempty"` // the platform's form that the file has
	Headless  bool     `json:"headless,omitempty"` // the first line is a row
	Headed    bool     `json:"headed,omitempty"`   // the first line is plainly a header, and no row
	Looked    int      `json:"looked"`             // rows looked at
	Rows      int64    `json:"rows"`               // of the file
	Counted   bool     `json:"counted"`            // else Rows is an estimate

	Columns []Column                `json:"columns"`
	Schema  *entrustment.ListSchema `json:"schema"` // as proposed, or as given
}

// Column is what a column seems to be. No cell is in it but masked.
type Column struct {
	Position  int      `json:"position"`
	Name      string   `json:"name"`
	Use       string   `json:"use"`       // email, phone, cookie, maid, consent, drop, open, or "value " and a name
	Holds     string   `json:"holds"`     // raw, sha256, md5, sha1, "other hash", joined by " and "; empty, other
	Certainty string   `json:"certainty"` // certain, likely, unsure
	Ground    string   `json:"ground"`    // an intake.Ground
	Filled    int      `json:"filled"`
	Hashed    int      `json:"hashed"`
	Spoilt    int      `json:"spoilt"`
	YesNo     int      `json:"yes_no"`
	Samples   []string `json:"samples,omitempty"` // masked

	// Of a column of few values, none of which may name a person: how it could be
	// asked by.
	Suggested string   `json:"suggested,omitempty"`
	Values    []string `json:"values,omitempty"`
	Named     bool     `json:"named,omitempty"` // it is an attribute that the contract takes, by its header; Values may be none
}

// Preview reads the head of a list. With a schema the columns are what it says.
func (d *Desk) Preview(ctx context.Context, r io.ReaderAt, size int64, o Options) (*Preview, error) {
	p, err := d.propose(ctx, r, size, o)
	if err != nil {
		return nil, err
	}
	suggested := map[string]intake.Suggestion{}
	for _, s := range p.Suggest(o.Attributes...) {
		suggested[s.Column] = s
	}
	if err := declare(p, o); err != nil {
		return nil, err
	}
	out := &Preview{Format: p.Form.Format, Encoding: p.Form.Encoding, Delimiter: p.Form.Delimiter, Packing: p.Packing, Notices: p.Form.Notices,
		Template: p.Template, Headless: p.Headless, Headed: p.Headed, Looked: p.Rows, Rows: p.Total, Counted: p.Counted, Schema: p.Schema}
	for i := range p.Columns {
		g := &p.Columns[i]
		c := Column{Position: g.Position, Name: g.Column, Use: g.Use, Holds: g.Holds, Certainty: string(g.Certainty), Ground: string(g.Ground),
			Filled: g.Filled, Hashed: g.Hashed, Spoilt: g.Spoilt, YesNo: g.YesNo, Samples: g.Samples}
		if s, ok := suggested[g.Column]; ok && g.Column != "" {
			c.Suggested, c.Values, c.Named = s.Name, s.Values, s.Named
		}
		out.Columns = append(out.Columns, c)
	}
	return out, nil
}

// Found is what one value becomes, and where the first rows hold it.
type Found struct {
	Kind   string     `json:"kind"` // "" where it can't be told
	Forms  []Form     `json:"forms,omitempty"`
	Looked int        `json:"looked"`
	Total  int        `json:"total"` // rows that hold it
	Rows   []Sighting `json:"rows,omitempty"`
}

// Sighting is a row that holds a value.
type Sighting struct {
	Row    int64  `json:"row"`
	Column string `json:"column"`
	Form   string `json:"form"` // "raw", or "hash of " and the profiles that give it
}

// maxSightings is how many rows that hold a value are named.
const maxSightings = 10

// Find gives the forms of a value that somebody types, and looks for it in the
// first rows, raw and hashed. Kind "" tells it by the value.
func (d *Desk) Find(ctx context.Context, r io.ReaderAt, size int64, o Options, kind, value string) (*Found, error) {
	p, err := d.propose(ctx, r, size, o)
	if err != nil {
		return nil, err
	}
	if err := declare(p, o); err != nil {
		return nil, err
	}
	if kind == "" {
		kind = p.KindOf([]byte(value))
	}
	out := &Found{Kind: kind, Looked: p.Rows}
	if kind == "" {
		return out, nil
	}
	if out.Forms, err = Normalise(kind, value, p.Schema.Region); err != nil {
		return nil, err
	}
	k, err := identifier.ParseKind(kind)
	if err != nil {
		return nil, option("kind", err.Error(), "")
	}
	seen, err := p.Find(k, []byte(value))
	if err != nil {
		return out, nil // it is no identifier, and its forms say why
	}
	out.Total = len(seen)
	for _, s := range seen[:min(len(seen), maxSightings)] {
		out.Rows = append(out.Rows, Sighting(s))
	}
	return out, nil
}

func (d *Desk) propose(ctx context.Context, r io.ReaderAt, size int64, o Options) (*intake.Proposal, error) {
	return intake.Propose(ctx, r, size, intake.Options{Name: o.Name, Kind: o.Kind, Formats: d.Formats})
}

func declare(p *intake.Proposal, o Options) error {
	if o.Schema == "" {
		return nil
	}
	s, err := parseList(o.Schema)
	if err == nil {
		p.Declare(s)
	}
	return err
}
