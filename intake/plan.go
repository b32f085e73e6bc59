package intake

import (
	"fmt"
	"slices"

	"awase/crypto/identifier"
	"awase/crypto/seal"
	"awase/entrustment"
	"awase/intake/table"
)

// absent is the slot of a column that there is none of.
const absent = -1

// plan says what each slot of a chunk is. It is read-only once made.
type plan struct {
	file   string
	region string
	header seal.Header
	names  []string // column name by slot
	ids    []idColumn
	codes  []codeColumn

	consent int        // list, events
	events  *eventPlan // events; nil otherwise

	wide     bool // each raw identifier in all its hashes, and a bad one leaves the others: a base, and a list that removes
	base     bool
	key      int
	verified int // absent: all are
	version  int
	agreed   int   // the day of the policy version
	days     clock // of agreed
	enquiry  []int
	services []int
	channels []int // by bit
}

// idColumn is an identifier column.
type idColumn struct {
	slot    int
	kind    identifier.Kind
	header  uint8 // position in seal.Header.Identifiers
	profile identifier.Profile
	class   identifier.Class
	hashed  bool // a profile is declared: a cookie may be a hash
}

// codeColumn is a column whose cells become positions in a domain.
type codeColumn struct {
	slot  int
	coder *entrustment.Coder
	birth bool // a day of birth
}

// maxIdentifiers is what the uint8 of seal.Identifier.Column reaches.
const maxIdentifiers = 256

// planBase binds base.yaml to the file's columns.
func planBase(b *binding, s *entrustment.BaseSchema, today entrustment.Date) (*plan, error) {
	p := &plan{file: b.file, region: s.Region, base: true, wide: true, consent: absent, verified: absent}
	p.header.Purpose = seal.Base
	var err error
	if p.header.Document, err = s.Digest(); err != nil {
		return nil, err
	}
	need := func(declared, use string) int {
		slot := absent
		if err == nil {
			if err = b.refuseDirect(declared, nil); err == nil {
				slot, err = b.column(declared, use)
			}
		}
		return slot
	}
	p.key = need(s.UserKey, "user key")
	if s.Verified != entrustment.VerifiedAll {
		p.verified = need(s.Verified, "verified")
	}
	p.version = need(s.Consent.Version, "policy version")
	p.agreed, p.days = need(s.Consent.Date, "policy date"), consentDays(today)
	for _, r := range s.Restrictions {
		if r.Kind == entrustment.EnquiryOnly {
			p.enquiry = append(p.enquiry, need(r.Column, r.Kind))
		} else {
			p.services = append(p.services, need(r.Column, r.Kind))
		}
	}
	for _, c := range s.Channels {
		p.channels = append(p.channels, need(c.Column, "channel "+c.Channel))
		p.header.Channels = append(p.header.Channels, c.Channel)
	}
	if err == nil && len(s.Channels) > 64 {
		err = fault(table.SortOther, b.file, "more than 64 channels are declared", "keep those in use")
	}
	if err != nil {
		return nil, err
	}
	if err := p.identifiers(b, s.Identifiers); err != nil {
		return nil, err
	}
	drop := s.Drop
	for i := range s.Attributes {
		a := &s.Attributes[i]
		if a.Sensitive() { // never loaded, so that it can't be asked for
			drop = append(drop[:len(drop):len(drop)], a.Column)
			continue
		}
		if err := p.code(b, a.Column, "attribute "+a.Name, a.Name, a.Generalise, a.Domain(), today); err != nil {
			return nil, err
		}
	}
	return p, p.close(b, drop)
}

// planList binds list.yaml to the file's columns.
func planList(b *binding, s *entrustment.ListSchema, o Options) (*plan, error) {
	remove := o.Change == seal.Remove
	p := &plan{file: b.file, region: s.Region, consent: absent, verified: absent, wide: remove}
	p.header.Purpose, p.header.Change = seal.List, o.Change
	drop := slices.Clone(s.Drop)
	var ids []entrustment.IdentifierColumn
	for i := range s.Columns {
		c := &s.Columns[i]
		if c.Kind != "" {
			ids = append(ids, entrustment.IdentifierColumn{Column: c.Column, Kind: c.Kind, Namespace: c.Namespace, Profile: c.Profile})
			continue
		}
		if remove {
			drop = append(drop, c.Column)
			continue
		}
		if err := p.code(b, c.Column, "value "+c.Name, c.Name, c.Generalise, c.Domain(), o.Today); err != nil {
			return nil, err
		}
	}
	if err := p.identifiers(b, ids); err != nil {
		return nil, err
	}
	if s.Consent != nil && remove {
		drop = append(drop, s.Consent.Column)
	} else if s.Consent != nil {
		slot, err := b.column(s.Consent.Column, "consent")
		if err != nil {
			return nil, err
		}
		p.consent = slot
	}
	if s.UserKey != "" && remove {
		drop = append(drop, s.UserKey)
	} else if s.UserKey != "" {
		if err := b.refuseDirect(s.UserKey, nil); err != nil {
			return nil, err
		}
		slot, err := b.column(s.UserKey, "user key")
		if err != nil {
			return nil, err
		}
		p.key, p.header.Keyed = slot, true
	}
	return p, p.close(b, drop)
}

// identifiers binds the identifier columns. Columns of one kind and namespace
// share a position in the header: they are several identifiers of one person.
func (p *plan) identifiers(b *binding, ids []entrustment.IdentifierColumn) error {
	times := map[string]int{}
	for _, id := range ids {
		times[id.Column]++
	}
	for _, id := range ids {
		if err := b.refuseDirect(id.Column, nil); err != nil {
			return err
		}
		c := idColumn{}
		var err error
		if c.kind, err = identifier.ParseKind(id.Kind); err != nil {
			return fault(table.SortOther, b.file+", column "+show(id.Column), err.Error(), "mend kind: in the schema")
		}
		if c.kind == identifier.Cookie && id.Namespace == "" {
			return fault(table.SortColumns, b.file+", column "+show(id.Column), "a cookie column names no namespace", mendNamespace)
		}
		if id.Profile != "" {
			if c.profile, err = identifier.ParseProfile(id.Profile); err != nil {
				return fault(table.SortOther, b.file+", column "+show(id.Column), err.Error(), "mend profile: in the schema")
			}
			c.class, c.hashed = c.profile.Class(c.kind), true
		}
		if c.slot, err = b.identifier(id.Column, id.Kind, times[id.Column]); err != nil {
			return err
		}
		at, ok := p.headerOf(seal.IdentifierColumn{Kind: id.Kind, Namespace: id.Namespace})
		if !ok {
			return fault(table.SortOther, b.file, fmt.Sprintf("more than %d identifier columns", maxIdentifiers), "split the file")
		}
		c.header = at
		p.ids = append(p.ids, c)
	}
	if len(p.ids) == 0 {
		return fault(table.SortNoIdentifier, b.file, "no column holds an identifier", "name one email, phone, cookie or maid, or declare its kind in list.yaml")
	}
	return nil
}

const mendNamespace = "write a list.yaml that gives the column kind: cookie and namespace: the site's name that both sides use"

func (p *plan) headerOf(c seal.IdentifierColumn) (uint8, bool) {
	for i, have := range p.header.Identifiers {
		if have == c {
			return uint8(i), true
		}
	}
	p.header.Identifiers = append(p.header.Identifiers, c)
	at := len(p.header.Identifiers) - 1
	return uint8(at), at < maxIdentifiers
}

// code binds a column that becomes positions in a domain.
func (p *plan) code(b *binding, column, use, name string, g *entrustment.Generaliser, domain []string, today entrustment.Date) error {
	if err := b.refuseDirect(column, g); err != nil {
		return err
	}
	coder, err := entrustment.NewCoder(g, domain, today)
	if err != nil {
		return fault(table.SortOther, b.file+", column "+show(column), err.Error(), "mend the column in the schema")
	}
	slot, err := b.column(column, use)
	if err != nil {
		return err
	}
	p.codes = append(p.codes, codeColumn{slot, coder, g != nil && g.BirthDate != nil})
	p.header.Columns = append(p.header.Columns, seal.Column{Name: name, Domain: domain})
	return nil
}

// close drops or refuses the columns that are left.
func (p *plan) close(b *binding, drop []string) error {
	dropped, err := b.rest(drop)
	if err != nil {
		return err
	}
	for _, c := range b.report {
		p.names = append(p.names, c.Column)
	}
	b.dropped = dropped
	return nil
}

// propose makes the schema of a list from its header: known names are
// identifiers, names and addresses are dropped, anything else is refused.
func propose(b *binding) (*entrustment.ListSchema, error) {
	s := &entrustment.ListSchema{Schema: entrustment.SchemaList, Region: entrustment.Home}
	form := templateOf(b.names)
	var left []int
	for i, name := range b.names {
		kind := kindOf(name)
		switch {
		case kind == entrustment.KindCookie:
			return nil, fault(table.SortColumns, b.place(i), "a cookie column needs a namespace", mendNamespace)
		case kind != "":
			s.Columns = append(s.Columns, entrustment.ListColumn{Column: name, Kind: kind})
		case name != "" && (droppable(name) || dropsOf(form, name)):
			s.Drop = append(s.Drop, name)
		default:
			left = append(left, i)
		}
	}
	if len(left) > 0 {
		err := b.undeclared(left)
		return nil, err
	}
	if len(s.Columns) == 0 {
		return nil, fault(table.SortNoIdentifier, b.file, "no column holds an identifier", "name one email, phone or maid in the header, or write a list.yaml")
	}
	return s, nil
}
