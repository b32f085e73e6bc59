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
	listWindow  = 30 * 24 * time.Hour // in which the gate's ListVersions are counted
	maxListRows = 20_000_000          // where the contract names none
	maxHashes   = 40                  // of one kind in one row: eight identifiers of five hashes (PRIVACY rule 3)
)

func columnsOf(h seal.Header) []matcher.Column {
	out := make([]matcher.Column, len(h.Columns))
	for i, c := range h.Columns {
		out[i] = matcher.Column(c)
	}
	return out
}

// A load reads at its sender's pace and builds for as long as it takes, and
// nobody but the next load waits for it: the room's lock is held while it is
// decided about, and once more while what was built takes its place, which is
// when all that may have changed is decided about again.

// LoadBase makes a sealed file the identity base. Questions are answered from
// the base before it until it stands.
func (e *Enclave) LoadBase(ctx context.Context, schema *entrustment.BaseSchema, sealed io.Reader) (wire.BaseLoaded, error) {
	return load(ctx, e, "base", "", func() (wire.BaseLoaded, error) { return e.openedBase(ctx, schema, sealed) })
}

// load runs one load at a time, without the room's lock, and logs its refusal.
func load[T any](ctx context.Context, e *Enclave, act, entrustmentID string, run func() (T, error)) (T, error) {
	return loadOf(ctx, e, act, entrustmentID, "", run)
}

// loadOf is load, of a file of a party, "": of that whose lists are joined.
func loadOf[T any](ctx context.Context, e *Enclave, act, entrustmentID, party string, run func() (T, error)) (T, error) {
	var none T
	if err := e.loads.take(ctx); err != nil {
		return none, fmt.Errorf("waiting for another load: %w", err)
	}
	defer e.loads.give()
	defer giveBack()
	loaded := none
	_, err := locked(e, func() (struct{}, error) {
		if err := e.initialised(); err != nil {
			return struct{}{}, err
		}
		if err := e.retention.before(); err != nil {
			return struct{}{}, err
		}
		e.retention.loading[entrustmentID]++
		return struct{}{}, nil
	})
	if err == nil {
		defer e.loadOver(entrustmentID)
		loaded, err = run()
	}
	if err != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		if over := e.over(entrustmentID); over != nil { // meanwhile, perhaps: then nothing else matters
			err = over
		}
		return none, e.refuseFile(party, act, entrustmentID, err)
	}
	return loaded, nil
}

// loadOver notes that a load is over.
func (e *Enclave) loadOver(entrustmentID string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.retention.loading[entrustmentID]--; e.retention.loading[entrustmentID] == 0 {
		delete(e.retention.loading, entrustmentID)
	}
}

// turns let one in after the other.
type turns interface {
	take(ctx context.Context) error
	give()
}

// oneTurn lets one in at a time; who gives up is not waited for.
type oneTurn chan struct{}

func (t oneTurn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t oneTurn) give() { <-t }

// locked runs f with the room's lock.
func locked[T any](e *Enclave, f func() (T, error)) (T, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return f()
}

func (e *Enclave) openedBase(ctx context.Context, schema *entrustment.BaseSchema, sealed io.Reader) (wire.BaseLoaded, error) {
	var none wire.BaseLoaded
	f, err := e.open(seal.BaseEntrustment, seal.BaseName, sealed)
	if err != nil {
		return none, err
	}
	if err := fitsSchema(schema, f.header); err != nil {
		return none, err
	}
	same, err := locked(e, func() (*wire.BaseLoaded, error) {
		now := e.state.base
		if now == nil || e.unlifted || e.lacks(now) || !sameJSON(now.Schema, schema) {
			if _, ok := e.state.uploads[f.upload]; ok {
				return nil, errUpload
			}
			return nil, nil
		}
		if same, err := e.used(f, kindBase, now.Population); err != nil || !same {
			return nil, err
		}
		ack, err := e.ack(kindBase, "", true, nil)
		return now.loaded(ack), err
	})
	if err != nil || same != nil {
		return deref(same), err
	}
	return e.loadBase(ctx, schema, f)
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
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
	var none wire.BaseLoaded
	if f.header.Purpose != seal.Base {
		return none, errHeader
	}
	// Only loads replace the base, and they take turns.
	var named []string
	old, err := locked(e, func() (*baseRecord, error) {
		if _, err := e.operator(); err != nil {
			return nil, err
		}
		named = e.retention.named()
		return e.state.base, e.follows(kindBase, f.header)
	})
	if err != nil {
		return none, err
	}
	prev, err := e.standing(old)
	if err != nil {
		return none, err
	}
	if err := e.vault.MakeDataKey(baseKey); err != nil {
		return none, err
	}
	told, err := e.particulars(f.header)
	if err != nil {
		return none, err
	}
	defer told.abort()
	keys, err := e.baseKeys(f.header, named)
	if err != nil {
		return none, err
	}
	defer keys.abort()
	lifting := e.lifting()
	base, err := e.buildBase(ctx, f.header, f.rows, prev, lifting, told, keys)
	if err != nil {
		return none, err
	}
	pop, err := e.population(base, lifting.lifted)
	if err != nil {
		return none, err
	}
	digest, err := told.done()
	if err != nil {
		return none, err
	}
	if err := keys.done(); err != nil {
		return none, err
	}
	now, unlifted := func() (*baseRecord, bool) {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.state.base, e.unlifted // the base of before, and perhaps less of it than when this began
	}()
	if now != nil && now.Population == pop && now.Particulars != nil && now.Particulars.Digest == digest && keys.same(now) && sameJSON(now.Schema, schema) && !unlifted {
		return locked(e, func() (wire.BaseLoaded, error) {
			if err := e.useUp(f, kindBase, pop); err != nil {
				return none, err
			}
			ack, err := e.ack(kindBase, "", true, nil)
			return *now.loaded(ack), err
		})
	}
	ref, err := e.writeSegment(baseKey, base.Columns())
	if err != nil {
		return none, err
	}
	particulars, err := told.commit()
	if err != nil {
		return none, err
	}
	lifted, err := e.writeLifted(lifting)
	if err != nil {
		return none, err
	}
	rec := baseRecord{Schema: schema, Columns: columnsOf(f.header), Segment: ref, Population: pop, Users: int64(base.Users()), Version: 1, Upload: f.upload, Lifted: lifted,
		Particulars: &particularsRecord{particulars, digest, f.header.Identifiers}}
	if err := keys.commit(&rec); err != nil {
		return none, err
	}
	if old != nil {
		rec.Version = old.Version + 1
	}
	done, err := e.ahead(ctx, func() *needs {
		return &needs{population: e.populationOf(&rec), base: &rec, gone: e.goneBut(lifting.lifted), built: base}
	})
	if err != nil {
		return none, err
	}
	defer done()
	return locked(e, func() (wire.BaseLoaded, error) {
		named, before := e.retention.named(), e.populationNow()
		rec.Hashes = slices.DeleteFunc(rec.Hashes, func(h hashesRecord) bool { return !slices.Contains(named, h.Kind) }) // a contract may have ended
		ack, err := e.ack(kindBase, "", false, rec)
		if err != nil {
			return none, err
		}
		e.gone, e.unlifted = e.goneBut(lifting.lifted), false
		now := e.populationNow()
		if old != nil && before != now {
			e.retire(before)
		}
		e.bring(now, buried(base, e.gone), ref)
		e.stays(now)
		return *rec.loaded(ack), e.vault.Sweep(e.segments())
	})
}

// loaded is what the operator is told of a base.
func (b *baseRecord) loaded(ack wire.Ack) *wire.BaseLoaded {
	return &wire.BaseLoaded{Ack: ack, Users: b.Users, LongKeys: b.UserKeys != nil && b.UserKeys.Long}
}

func (e *Enclave) buildBase(ctx context.Context, h seal.Header, rows batches, prev *matcher.Base, lifting *lifting, told *particulars, keys *baseKeys) (*matcher.Base, error) {
	b := matcher.NewBaseBuilder(slices.Concat(columnsOf(h), keys.optIns))
	err := e.tokeniseApart(ctx, h, rows, func() (func(*tokened) error, error) {
		part, err := b.Part()
		told, keys := told.part(), keys.part()
		var codes []uint8
		return func(t *tokened) error {
			p := t.row.Person
			if p == nil {
				return errRow
			}
			codes = appendOptIns(append(codes[:0], t.row.Codes...), len(h.Channels), p.Channels)
			person := matcher.Person{User: t.user, Codes: codes, PolicyVersion: p.PolicyVersion, Service: p.Service, EnquiryOnly: p.EnquiryOnly}
			out := lifting.row(t.user, p)
			if p.Verified {
				person.Tokens = t.tokens
			}
			if err := told.add(t); err != nil {
				return err
			}
			if err := keys.add(t, out); err != nil {
				return err
			}
			return part.Add(&person)
		}, err
	}, func(int64) error { return nil })
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

// population names everything the exact input depends on but lists and event
// logs, which a question names by their contents, and the requests of data
// subjects, which populationOf adds. Consent is data of the base itself, so its
// digest, its declared columns and whose requests it lifts are all.
func (e *Enclave) population(b *matcher.Base, l lifts) (hexID, error) {
	columns, err := json.Marshal(b.Schema())
	if err != nil {
		return hexID{}, err
	}
	digest := b.Digest(e.bases)
	mac := hmac.New(sha256.New, e.bases[:])
	mac.Write([]byte("awase population v1"))
	mac.Write(digest[:])
	mac.Write(columns)
	lifted := e.liftedID(l)
	mac.Write(lifted[:])
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

// standing gives the base of the record that stands, as the engine holds it: a
// second one would not fit beside it and the next. The engine may hold an older
// base of the same content, whose ids are not those of the record.
func (e *Enclave) standing(rec *baseRecord) (*matcher.Base, error) {
	if rec == nil {
		return nil, nil
	}
	e.mu.Lock()
	population := e.populationOf(rec)
	from := e.from[population]
	b := e.engine.Base(matcher.PopulationID(population))
	e.mu.Unlock()
	if b != nil && from == rec.Segment.ID {
		return b, nil
	}
	return e.openBase(rec)
}

// openBase gives the base of a record, nil of none.
func (e *Enclave) openBase(rec *baseRecord) (*matcher.Base, error) {
	if rec == nil {
		return nil, nil
	}
	read, err := e.reader(rec.Segment)
	if err != nil {
		return nil, fmt.Errorf("opening the base: %w", err)
	}
	b, err := matcher.OpenBase(read)
	if err != nil {
		return nil, fmt.Errorf("opening the base: %w", err)
	}
	return b, nil
}

func loadAct(h seal.Header) entrustment.Load {
	act := entrustment.Load{Keyed: h.Keyed}
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
