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
	"awase/crypto/token"
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

var kindOf = map[string]matcher.Kind{"email": matcher.Email, "phone": matcher.Phone, "cookie": matcher.Cookie, "maid": matcher.MAID}

// tokeniser turns rows' hashes into tokens for one goroutine.
type tokeniser struct {
	maker   *token.Maker
	kinds   []matcher.Kind
	domains map[[2]uint8]token.Domain // column, class
	columns []seal.IdentifierColumn
	out     []matcher.KindToken
}

func (e *Enclave) tokeniser(h seal.Header) (*tokeniser, error) {
	t := &tokeniser{maker: e.maker(), domains: map[[2]uint8]token.Domain{}, columns: h.Identifiers}
	for _, c := range h.Identifiers {
		k, ok := kindOf[c.Kind]
		if !ok || len(c.Namespace) > 255 {
			return nil, errHeader
		}
		t.kinds = append(t.kinds, k)
	}
	return t, nil
}

var errHeader = errors.New("the header names no kind that is matched")

// tokens gives the tokens of a row; the slice is overwritten by the next call.
func (t *tokeniser) tokens(ids []seal.Identifier) ([]matcher.KindToken, error) {
	t.out = t.out[:0]
	var of [matcher.Kinds]int
	for i := range ids {
		id := &ids[i]
		if int(id.Column) >= len(t.columns) {
			return nil, errRow
		}
		if k := t.kinds[id.Column]; of[k] == maxHashes {
			return nil, errMany
		} else {
			of[k]++
		}
		at := [2]uint8{id.Column, id.Class}
		d, ok := t.domains[at]
		if !ok {
			c := t.columns[id.Column]
			d = token.NewDomain(c.Kind, id.Class, c.Namespace)
			t.domains[at] = d
		}
		t.out = append(t.out, matcher.KindToken{Kind: t.kinds[id.Column], Token: t.maker.Make(d, &id.Hash)})
	}
	return t.out, nil
}

var errRow = errors.New("a row does not fit its header")

// errMany: what one person shares with others bounds what can be learned of
// their having been in the base (docs/proofs/matching.md).
var errMany = &entrustment.Error{Code: entrustment.CodeLimit, Clause: "PRIVACY rules 2, 3", Field: "identifiers",
	Detail: "a row holds more than eight identifiers of one kind", Mend: "keep eight of a kind at most"}

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
	if was, ok := e.state.uploads[f.upload]; ok {
		if was != kindBase || e.state.base.Upload != f.upload {
			return wire.BaseLoaded{}, errUpload
		}
		ack, err := e.ack(kindBase, "", true, nil)
		return wire.BaseLoaded{Ack: ack, Users: e.state.base.Users}, err
	}
	if err := fitsSchema(schema, f.header); err != nil {
		return wire.BaseLoaded{}, err
	}
	return e.loadBase(ctx, schema, f)
}

// fitsSchema holds the columns of a sealed base against the document: the
// attributes that are not sensitive, with their domains.
func fitsSchema(s *entrustment.BaseSchema, h seal.Header) error {
	var want []seal.Column
	for i := range s.Attributes {
		if a := &s.Attributes[i]; !a.Sensitive() {
			want = append(want, seal.Column{Name: a.Name, Domain: a.Domain()})
		}
	}
	same := func(a, b seal.Column) bool { return a.Name == b.Name && slices.Equal(a.Domain, b.Domain) }
	if !slices.EqualFunc(want, h.Columns, same) {
		return &entrustment.Error{Code: entrustment.CodeFile, Clause: "DESIGN §5", Field: "attributes",
			Detail: "the sealed file has other attributes than base.yaml", Mend: "seal it again with this base.yaml"}
	}
	return nil
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

func (e *Enclave) buildBase(ctx context.Context, h seal.Header, rows seal.Rows, prev *matcher.Base) (*matcher.Base, error) {
	tok, err := e.tokeniser(h)
	if err != nil {
		return nil, err
	}
	b := matcher.NewBaseBuilder(columnsOf(h))
	users := token.NewDomain("user", 0, "")
	var p matcher.Person
	for batch, err := range rows {
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for i := range batch {
			r := &batch[i]
			if r.Person == nil {
				return nil, errRow
			}
			key := sha256.Sum256(r.Person.Key)
			p = matcher.Person{User: tok.maker.Make(users, &key), Codes: r.Codes, PolicyVersion: r.Person.PolicyVersion,
				Service: r.Person.Service, EnquiryOnly: r.Person.EnquiryOnly}
			if r.Person.Verified {
				if p.Tokens, err = tok.tokens(r.Identifiers); err != nil {
					return nil, err
				}
			}
			if err := b.Add(&p); err != nil {
				return nil, fmt.Errorf("adding a user: %w", err)
			}
		}
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
	if was, ok := e.state.uploads[f.upload]; ok {
		l := e.state.lists[listKey{req.Entrustment, req.Name}]
		if was != kindList+" "+key || l.Upload != f.upload {
			return wire.ListLoaded{}, errUpload
		}
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
	rec := listRecord{Entrustment: req.Entrustment, Name: req.Name, Version: 1, Under: c.Version, Segment: ref, ID: hexID(list.ID()),
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

func (e *Enclave) buildList(ctx context.Context, c *entrustment.Contract, h seal.Header, rows seal.Rows) (*matcher.List, error) {
	tok, err := e.tokeniser(h)
	if err != nil {
		return nil, err
	}
	most := c.MaxListRows
	if most == 0 {
		most = maxListRows
	}
	b := matcher.NewListBuilder(columnsOf(h), e.lists)
	var n int64
	for batch, err := range rows {
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if n += int64(len(batch)); n > most {
			return nil, &entrustment.Error{Code: entrustment.CodeLimit, Clause: "PRIVACY A21", Field: "max_list_rows",
				Detail: fmt.Sprintf("the list has more than the %d rows that the contract allows", most), Mend: "load a smaller list, or amend the contract"}
		}
		for i := range batch {
			ts, err := tok.tokens(batch[i].Identifiers)
			if err != nil {
				return nil, err
			}
			if err := b.Add(&matcher.ListRow{Tokens: ts, Codes: batch[i].Codes}); err != nil {
				return nil, fmt.Errorf("adding a row: %w", err)
			}
		}
	}
	list, err := b.Build(ctx)
	if err != nil {
		return nil, fmt.Errorf("building the list: %w", err)
	}
	return list, nil
}
