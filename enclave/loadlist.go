package enclave

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// LoadList makes a sealed file, or it and the version before, the newest version
// of a list.
func (e *Enclave) LoadList(ctx context.Context, req wire.ListRequest, sealed io.Reader) (wire.ListLoaded, error) {
	return load(ctx, e, "list", req.Entrustment, func() (wire.ListLoaded, error) { return e.openedList(ctx, req, sealed) })
}

func (e *Enclave) openedList(ctx context.Context, req wire.ListRequest, sealed io.Reader) (wire.ListLoaded, error) {
	if err := entrustment.CheckID("name", req.Name); err != nil {
		return wire.ListLoaded{}, err
	}
	f, err := e.open(req.Entrustment, req.Name, sealed)
	if err != nil {
		return wire.ListLoaded{}, err
	}
	same, err := locked(e, func() (*wire.ListLoaded, error) {
		var now hexID
		key := listKey{req.Entrustment, req.Name}
		l := e.state.lists[key]
		if l != nil {
			now = l.ID
		}
		if same, err := e.used(f, key.what(), now); err != nil || !same {
			return nil, err
		}
		return e.sameList(l, f)
	})
	if err != nil || same != nil {
		return deref(same), err
	}
	return e.loadList(ctx, req, f)
}

// sameList acknowledges a list that stands already.
func (e *Enclave) sameList(l *listRecord, f *opened) (*wire.ListLoaded, error) {
	ack, err := e.ack(kindList, l.Entrustment+"/"+l.Name, true, nil)
	before := l
	if l.Upload == f.upload {
		// It made this version, and its answer may not have come: it is told the same again.
		before = nil
		if v := e.state.listed[listKey{l.Entrustment, l.Name}]; len(v) > 1 {
			before = v[len(v)-2].record
		}
	}
	return e.listLoaded(ack, l, before, f), err
}

// listLoaded says what became of a list that was old before, nil: not there.
func (e *Enclave) listLoaded(ack wire.Ack, l, old *listRecord, f *opened) *wire.ListLoaded {
	out := &wire.ListLoaded{Ack: ack, Change: cmp.Or(f.header.Change, wire.ListReplaced), Rows: l.Rows, Tokens: l.Tokens, Floor: e.gate.Policy().ListFloor}
	if d := l.diff(f.header.Change, old); d != nil {
		out.Added, out.Removed = &d.Added, &d.Removed
	}
	return out
}

// mayLoad decides about a list by its header, and gives the contract and the
// version of the list before, which only loads replace, and they take turns. The
// room's lock is held.
func (e *Enclave) mayLoad(req wire.ListRequest, f *opened) (*entrustRecord, *listRecord, error) {
	if err := e.retention.before(); err != nil {
		return nil, nil, err
	}
	c, err := e.contract(req.Entrustment)
	if err != nil {
		return nil, nil, err
	}
	if c.Version != f.terms.Version {
		return nil, nil, e.amended(c)
	}
	h, act := f.header, loadAct(f.header)
	if err := entrustment.DecideLoad(e.facts(c), act); err != nil {
		return nil, nil, err
	}
	if h.Purpose != seal.List {
		return nil, nil, errHeader
	}
	if err := e.decideNames(act.Columns); err != nil {
		return nil, nil, err
	}
	for _, col := range h.Columns {
		if err := e.domain("columns", col.Name, col.Domain); err != nil {
			return nil, nil, err
		}
	}
	key := listKey{req.Entrustment, req.Name}
	if err := e.follows(key.what(), h); err != nil {
		return nil, nil, err
	}
	old := e.state.lists[key]
	if err := e.mayChange(req, h, old); err != nil {
		return nil, nil, err
	}
	return c, old, mayKey(c.Contract, h, old)
}

func (e *Enclave) loadList(ctx context.Context, req wire.ListRequest, f *opened) (wire.ListLoaded, error) {
	var none wire.ListLoaded
	var c *entrustRecord
	key := listKey{req.Entrustment, req.Name}
	old, err := locked(e, func() (old *listRecord, err error) {
		if c, old, err = e.mayLoad(req, f); err == nil && old != nil {
			for _, ref := range old.refs() {
				e.copying[ref.ID]++ // it may expire while its rows are read
			}
		}
		return old, err
	})
	if err != nil {
		return none, err
	}
	var keys *listKeys
	var diff *listDiff
	list, kept, err := func() (list *matcher.List, kept *vault.SegmentWriter, err error) {
		if old != nil {
			defer e.rowsRead(old)
		}
		if keys, err = e.listKeys(c, f.header, old); err != nil {
			return nil, nil, err
		}
		list, kept, diff, err = e.buildList(ctx, c, f, old, keys)
		return list, kept, err
	}()
	defer keys.abort()
	if err != nil {
		return none, err
	}
	sameKeys := false
	if old != nil {
		if sameKeys, err = keys.same(old.Keys); err != nil {
			return none, errors.Join(err, kept.Abort())
		}
	}
	if sameKeys && old.ID == hexID(list.ID()) && old.Under == c.Version {
		same, err := locked(e, func() (*wire.ListLoaded, error) {
			if err := e.retention.before(); err != nil {
				return nil, err
			}
			if e.state.lists[key] != old { // it expired meanwhile
				return nil, nil
			}
			if err := e.useUp(f, old.what(), old.ID); err != nil {
				return nil, err
			}
			return e.sameList(old, f)
		})
		if err != nil || same != nil {
			if err := kept.Abort(); err != nil {
				return none, fmt.Errorf("dropping rows that are kept already: %w", err)
			}
			return deref(same), err
		}
	}
	if _, err := locked(e, func() (struct{}, error) { return struct{}{}, e.listRate(req.Entrustment) }); err != nil {
		return none, errors.Join(err, kept.Abort())
	}
	rows, err := kept.Commit()
	if err != nil {
		return none, err
	}
	made, err := keys.commit()
	if err != nil {
		return none, err
	}
	ref, err := e.writeSegment(dataKey(req.Entrustment), list.Columns())
	if err != nil {
		return none, err
	}
	rec := listRecord{Entrustment: req.Entrustment, Name: req.Name, Under: c.Version, Segment: ref, RowSegment: rows,
		ID: hexID(list.ID()), Kinds: kindsOf(f.header, old), Columns: list.Schema(), Rows: int64(list.Rows()), Tokens: int64(list.Tokens()), Change: f.header.Change, Upload: f.upload, Keys: made, Diff: diff}
	done, err := e.ahead(ctx, func() *needs { return &needs{lists: []*listRecord{&rec}, list: list} })
	if err != nil {
		return none, err
	}
	defer done()
	return locked(e, func() (wire.ListLoaded, error) {
		_, stands, err := e.mayLoad(req, f)
		if err != nil { // the contract may have been amended
			return none, err
		}
		if stands == nil { // what was there may have expired: it is no version before this one
			rec.Diff = nil
		}
		facts := e.facts(c)
		rec.Party, rec.Version = facts.ListOwner(), e.state.versions[kindList+" "+req.Entrustment+"/"+req.Name]+1
		ack, err := e.ack(kindList, req.Entrustment+"/"+req.Name, false, rec)
		if err != nil {
			return none, err
		}
		ack.Version = rec.Version
		e.keepList(list)
		e.stays(rec.ID)
		if old != nil && !e.state.uses(old.ID) {
			e.retire(old.ID)
		}
		return *e.listLoaded(ack, &rec, stands, f), e.vault.Sweep(e.segments())
	})
}

// rowsRead lets the rows of a version go that a load read.
func (e *Enclave) rowsRead(l *listRecord) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ref := range l.refs() {
		e.copied(ref.ID)
	}
}

// listRate holds the number of new versions in 30 days.
func (e *Enclave) listRate(id string) error {
	now := e.vault.Log().Now()
	times, most := e.state.listTimes[id], int(e.gate.Policy().ListVersions)
	recent := times[max(0, len(times)-most):]
	if len(recent) < most || !recent[0].After(now.Add(-listWindow)) {
		return nil
	}
	return &entrustment.Error{Code: entrustment.CodeRate, Clause: "PRIVACY §4.2", Field: "list",
		Detail: fmt.Sprintf("the entrustment had %d new list versions in 30 days", most),
		Mend:   "try again after " + entrustment.Moment(recent[0].Add(listWindow))}
}
