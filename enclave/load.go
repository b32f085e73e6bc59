package enclave

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// Limits of uploads (PRIVACY §4.2). They are public facts about the uploading
// party's own acts.
const (
	maxListVersions = 50 // new versions of an entrustment's lists in listWindow
	listWindow      = 30 * 24 * time.Hour
	maxListRows     = 20_000_000 // where the contract names none
	maxHashes       = 40         // of one kind in one row: eight identifiers of five hashes (PRIVACY rule 3)
)

func columnsOf(h seal.Header) []matcher.Column {
	out := make([]matcher.Column, len(h.Columns))
	for i, c := range h.Columns {
		out[i] = matcher.Column(c)
	}
	return out
}

// LoadBase makes a sealed file the identity base.
func (e *Enclave) LoadBase(ctx context.Context, schema *entrustment.BaseSchema, sealed io.Reader) (wire.BaseLoaded, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	loaded, err := e.openedBase(ctx, schema, sealed)
	if err != nil {
		return wire.BaseLoaded{}, e.refuse("base", "", err)
	}
	return loaded, nil
}

func (e *Enclave) openedBase(ctx context.Context, schema *entrustment.BaseSchema, sealed io.Reader) (wire.BaseLoaded, error) {
	terms, err := e.terms(seal.BaseEntrustment)
	if err != nil {
		return wire.BaseLoaded{}, err
	}
	f, err := e.open(terms, seal.BaseName, sealed)
	if err != nil {
		return wire.BaseLoaded{}, err
	}
	if err := fitsSchema(schema, f.header); err != nil {
		return wire.BaseLoaded{}, err
	}
	if now := e.state.base; now != nil && sameJSON(now.Schema, schema) {
		if same, err := e.used(f, kindBase, now.Population); err != nil || same {
			ack, aerr := e.ack(kindBase, "", true, nil)
			return wire.BaseLoaded{Ack: ack, Users: now.Users}, errors.Join(err, aerr)
		}
	} else if _, ok := e.state.uploads[f.upload]; ok {
		return wire.BaseLoaded{}, errUpload
	}
	return e.loadBase(ctx, schema, f)
}

// fitsSchema holds the columns of a sealed base against the document: the
// attributes that are not sensitive, with their domains, and all else by the
// document's hash: the header is the sealer's word and the columns what is read.
func fitsSchema(s *entrustment.BaseSchema, h seal.Header) error {
	var want []seal.Column
	for i := range s.Attributes {
		if a := &s.Attributes[i]; !a.Sensitive() {
			want = append(want, seal.Column{Name: a.Name, Domain: a.Domain()})
		}
	}
	same := func(a, b seal.Column) bool { return a.Name == b.Name && slices.Equal(a.Domain, b.Domain) }
	document, err := s.Digest()
	if err != nil {
		return err
	}
	differs := ""
	ids, channels := map[seal.IdentifierColumn]bool{}, []string(nil)
	for _, id := range s.Identifiers {
		ids[seal.IdentifierColumn{Kind: id.Kind, Namespace: id.Namespace}] = true
	}
	for _, c := range s.Channels {
		channels = append(channels, c.Channel)
	}
	switch {
	case !slices.EqualFunc(want, h.Columns, same):
		differs = "attributes"
	case len(ids) != len(h.Identifiers) || slices.ContainsFunc(h.Identifiers, func(c seal.IdentifierColumn) bool { return !ids[c] }):
		differs = "identifiers"
	case !slices.Equal(channels, h.Channels):
		differs = "channels"
	case document != h.Document: // what else of it made the rows: verified, consent, restrictions
		return &entrustment.Error{Code: entrustment.CodeFile, Clause: "DESIGN §5", Field: "base.yaml",
			Detail: "the file was sealed with another base.yaml", Mend: "load it with the one it was sealed with, or seal it again with this one"}
	default:
		return nil
	}
	return &entrustment.Error{Code: entrustment.CodeFile, Clause: "DESIGN §5", Field: differs,
		Detail: "the sealed file has others than base.yaml", Mend: "seal it again with this base.yaml"}
}

func (e *Enclave) loadBase(ctx context.Context, schema *entrustment.BaseSchema, f *opened) (wire.BaseLoaded, error) {
	h, rows := f.header, f.rows
	var none wire.BaseLoaded
	if _, err := e.operator(); err != nil {
		return none, err
	}
	if h.Purpose != seal.Base {
		return none, errHeader
	}
	prev, err := e.openBase()
	if err != nil {
		return none, err
	}
	base, err := e.buildBase(ctx, h, rows, prev)
	if err != nil {
		return none, err
	}
	pop, err := e.population(base)
	if err != nil {
		return none, err
	}
	old := e.state.base
	if old != nil && old.Population == pop && sameJSON(old.Schema, schema) {
		if err := e.useUp(f, kindBase, pop); err != nil {
			return none, err
		}
		ack, err := e.ack(kindBase, "", true, nil)
		return wire.BaseLoaded{Ack: ack, Users: old.Users}, err
	}
	if err := e.vault.MakeDataKey(baseKey); err != nil {
		return none, err
	}
	ref, err := e.writeSegment(baseKey, base.Columns())
	if err != nil {
		return none, err
	}
	version := 1
	if old != nil {
		version = old.Version + 1
	}
	ack, err := e.ack(kindBase, "", false, baseRecord{schema, columnsOf(h), ref, pop, int64(base.Users()), version, f.upload})
	if err != nil {
		return none, err
	}
	if old != nil {
		e.engine.DropBase(matcher.PopulationID(old.Population))
		delete(e.loaded, old.Population)
	}
	e.engine.PutBase(matcher.PopulationID(pop), base)
	e.loaded[pop] = true
	return wire.BaseLoaded{Ack: ack, Users: int64(base.Users())}, e.vault.Sweep(e.state.segments())
}

func (e *Enclave) buildBase(ctx context.Context, h seal.Header, rows batches, prev *matcher.Base) (*matcher.Base, error) {
	b := matcher.NewBaseBuilder(columnsOf(h))
	err := e.tokenise(ctx, h, rows, func(t *tokened) error {
		p := t.row.Person
		if p == nil {
			return errRow
		}
		person := matcher.Person{User: t.user, Codes: t.row.Codes, PolicyVersion: p.PolicyVersion, Service: p.Service, EnquiryOnly: p.EnquiryOnly}
		if p.Verified {
			person.Tokens = t.tokens
		}
		if err := b.Add(&person); err != nil {
			return fmt.Errorf("adding a user: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	base, err := b.Build(ctx, prev)
	if dup, ok := errors.AsType[*matcher.DuplicateUsersError](err); ok {
		return nil, &entrustment.Error{Code: entrustment.CodeFile, Field: "user_key", Clause: "DESIGN §8",
			Detail: fmt.Sprintf("user keys with more than one row: %d", dup.N), Mend: "give each user one row and load the file again"}
	}
	if err != nil {
		return nil, fmt.Errorf("building the base: %w", err)
	}
	return base, nil
}

// population names everything the exact input depends on but the list. There
// are no tombstones and no event logs yet, and consent is data of the base
// itself, so its digest and its declared columns are all.
func (e *Enclave) population(b *matcher.Base) (hexID, error) {
	columns, err := json.Marshal(b.Schema())
	if err != nil {
		return hexID{}, err
	}
	digest := b.Digest(e.bases)
	mac := hmac.New(sha256.New, e.bases[:])
	mac.Write([]byte("awase population v1"))
	mac.Write(digest[:])
	mac.Write(columns)
	return hexID(mac.Sum(nil)), nil
}

func (e *Enclave) writeSegment(key string, columns iter.Seq2[string, []byte]) (vault.SegmentRef, error) {
	w, err := e.vault.NewSegment(key)
	if err != nil {
		return vault.SegmentRef{}, err
	}
	for name, data := range columns {
		if err := w.Put(name, data); err != nil {
			return vault.SegmentRef{}, errors.Join(fmt.Errorf("writing a segment: %w", err), w.Abort())
		}
	}
	return w.Commit()
}

// reader gives the columns of a segment by name, each once.
func (e *Enclave) reader(ref vault.SegmentRef) (func(string) ([]byte, error), error) {
	cols, err := e.vault.ReadSegment(ref)
	if err != nil {
		return nil, err
	}
	return func(name string) ([]byte, error) {
		data, ok := cols[name]
		if !ok {
			return nil, fmt.Errorf("a segment without column %q: %w", name, vault.ErrSegment)
		}
		delete(cols, name)
		return data, nil
	}, nil
}

// openBase gives the base of the log, nil if there is none yet.
func (e *Enclave) openBase() (*matcher.Base, error) {
	if e.state.base == nil {
		return nil, nil
	}
	read, err := e.reader(e.state.base.Segment)
	if err != nil {
		return nil, fmt.Errorf("opening the base: %w", err)
	}
	b, err := matcher.OpenBase(read)
	if err != nil {
		return nil, fmt.Errorf("opening the base: %w", err)
	}
	return b, nil
}

// LoadList makes a sealed file the newest version of a list.
func (e *Enclave) LoadList(ctx context.Context, req wire.ListRequest, sealed io.Reader) (wire.ListLoaded, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	loaded, err := e.openedList(ctx, req, sealed)
	if err != nil {
		return wire.ListLoaded{}, e.refuse("list", req.Entrustment, err)
	}
	return loaded, nil
}

func (e *Enclave) openedList(ctx context.Context, req wire.ListRequest, sealed io.Reader) (wire.ListLoaded, error) {
	if err := entrustment.CheckID("name", req.Name); err != nil {
		return wire.ListLoaded{}, err
	}
	terms, err := e.terms(req.Entrustment)
	if err != nil {
		return wire.ListLoaded{}, err
	}
	f, err := e.open(terms, req.Name, sealed)
	if err != nil {
		return wire.ListLoaded{}, err
	}
	key := req.Entrustment + "/" + req.Name
	var now hexID
	l := e.state.lists[listKey{req.Entrustment, req.Name}]
	if l != nil {
		now = l.ID
	}
	if same, err := e.used(f, kindList+" "+key, now); err != nil {
		return wire.ListLoaded{}, err
	} else if same {
		ack, err := e.ack(kindList, key, true, nil)
		return wire.ListLoaded{Ack: ack, Rows: l.Rows, Tokens: l.Tokens, Floor: e.gate.Policy().ListFloor}, err
	}
	return e.loadList(ctx, req, f)
}

func (e *Enclave) loadList(ctx context.Context, req wire.ListRequest, f *opened) (wire.ListLoaded, error) {
	h, rows := f.header, f.rows
	var none wire.ListLoaded
	c, err := e.contract(req.Entrustment)
	if err != nil {
		return none, err
	}
	act := loadAct(h)
	if err := entrustment.DecideLoad(e.facts(c.Contract), act); err != nil {
		return none, err
	}
	if h.Purpose != seal.List {
		return none, errHeader
	}
	if err := e.decideNames(act.Columns); err != nil {
		return none, err
	}
	for _, col := range h.Columns {
		if err := entrustment.CheckDomain("columns", col.Name, col.Domain); err != nil {
			return none, err
		}
	}
	facts := e.facts(c.Contract)
	owner := facts.ListOwner()
	list, err := e.buildList(ctx, c.Contract, h, rows)
	if err != nil {
		return none, err
	}
	if list.Rows() == 0 {
		return none, &entrustment.Error{Code: entrustment.CodeFile, Clause: "FORMATS §4", Field: "list",
			Detail: "no row of the file can be used", Mend: "mend what the report names; the list stays as it was"}
	}
	key := req.Entrustment + "/" + req.Name
	floor := e.gate.Policy().ListFloor
	old := e.state.lists[listKey{req.Entrustment, req.Name}]
	if old != nil && old.ID == hexID(list.ID()) && old.Under == c.Version {
		if err := e.useUp(f, kindList+" "+key, old.ID); err != nil {
			return none, err
		}
		ack, err := e.ack(kindList, key, true, nil)
		return wire.ListLoaded{Ack: ack, Rows: old.Rows, Tokens: old.Tokens, Floor: floor}, err
	}
	if err := e.listRate(req.Entrustment); err != nil {
		return none, err
	}
	ref, err := e.writeSegment(dataKey(req.Entrustment), list.Columns())
	if err != nil {
		return none, err
	}
	rec := listRecord{Entrustment: req.Entrustment, Name: req.Name, Version: 1, Under: c.Version, Party: owner, Segment: ref, ID: hexID(list.ID()),
		Kinds: act.Kinds, Columns: columnsOf(h), Rows: int64(list.Rows()), Tokens: int64(list.Tokens()), Upload: f.upload}
	if old != nil {
		rec.Version = old.Version + 1
	}
	ack, err := e.ack(kindList, key, false, rec)
	if err != nil {
		return none, err
	}
	ack.Version = rec.Version
	e.engine.PutList(list)
	e.loaded[rec.ID] = true
	if old != nil && !e.state.uses(old.ID) {
		e.engine.DropList(matcher.ListID(old.ID))
		delete(e.loaded, old.ID)
	}
	return wire.ListLoaded{Ack: ack, Rows: rec.Rows, Tokens: rec.Tokens, Floor: floor}, e.vault.Sweep(e.state.segments())
}

func loadAct(h seal.Header) entrustment.Load {
	var act entrustment.Load
	seen := map[string]bool{}
	for _, c := range h.Identifiers {
		if !seen[c.Kind] {
			seen[c.Kind] = true
			act.Kinds = append(act.Kinds, c.Kind)
		}
	}
	for _, c := range h.Columns {
		act.Columns = append(act.Columns, c.Name)
	}
	return act
}

// listRate holds the number of new versions in 30 days.
func (e *Enclave) listRate(id string) error {
	now := e.vault.Log().Now()
	times := e.state.listTimes[id]
	recent := times[max(0, len(times)-maxListVersions):]
	if len(recent) < maxListVersions || !recent[0].After(now.Add(-listWindow)) {
		return nil
	}
	return &entrustment.Error{Code: entrustment.CodeRate, Clause: "PRIVACY §4.2", Field: "list",
		Detail: fmt.Sprintf("the entrustment had %d new list versions in 30 days", maxListVersions),
		Mend:   "try again after " + recent[0].Add(listWindow).In(entrustment.JST).Format("2006-01-02 15:04 JST")}
}

func (e *Enclave) buildList(ctx context.Context, c *entrustment.Contract, h seal.Header, rows batches) (*matcher.List, error) {
	most := c.MaxListRows
	if most == 0 {
		most = maxListRows
	}
	b := matcher.NewListBuilder(columnsOf(h), e.lists)
	var n int64
	err := e.tokenise(ctx, h, rows, func(t *tokened) error {
		if n++; n > most {
			return &entrustment.Error{Code: entrustment.CodeLimit, Clause: "PRIVACY A21", Field: "max_list_rows",
				Detail: fmt.Sprintf("the list has more than the %d rows that the contract allows", most), Mend: "load a smaller list, or amend the contract"}
		}
		if err := b.Add(&matcher.ListRow{Tokens: t.tokens, Codes: t.row.Codes}); err != nil {
			return fmt.Errorf("adding a row: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	list, err := b.Build(ctx)
	if err != nil {
		return nil, fmt.Errorf("building the list: %w", err)
	}
	return list, nil
}
