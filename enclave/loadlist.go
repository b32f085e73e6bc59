package enclave

import (
	"context"
	"fmt"
	"io"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// LoadList makes a sealed file the newest version of a list.
func (e *Enclave) LoadList(ctx context.Context, req wire.ListRequest, sealed io.Reader) (wire.ListLoaded, error) {
	return load(e, "list", req.Entrustment, func() (wire.ListLoaded, error) { return e.openedList(ctx, req, sealed) })
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
		l := e.state.lists[listKey{req.Entrustment, req.Name}]
		if l != nil {
			now = l.ID
		}
		if same, err := e.used(f, kindList+" "+req.Entrustment+"/"+req.Name, now); err != nil || !same {
			return nil, err
		}
		return e.sameList(l)
	})
	if err != nil || same != nil {
		return deref(same), err
	}
	return e.loadList(ctx, req, f)
}

// sameList acknowledges a list that stands already.
func (e *Enclave) sameList(l *listRecord) (*wire.ListLoaded, error) {
	ack, err := e.ack(kindList, l.Entrustment+"/"+l.Name, true, nil)
	return &wire.ListLoaded{Ack: ack, Rows: l.Rows, Tokens: l.Tokens, Floor: e.gate.Policy().ListFloor}, err
}

// mayLoad decides about a list by its header. The room's lock is held.
func (e *Enclave) mayLoad(req wire.ListRequest, f *opened) (*entrustRecord, error) {
	c, err := e.contract(req.Entrustment)
	if err != nil {
		return nil, err
	}
	if c.Version != f.terms.Version {
		return nil, errAmended
	}
	h, act := f.header, loadAct(f.header)
	if err := entrustment.DecideLoad(e.facts(c.Contract), act); err != nil {
		return nil, err
	}
	if h.Purpose != seal.List {
		return nil, errHeader
	}
	if err := e.decideNames(act.Columns); err != nil {
		return nil, err
	}
	for _, col := range h.Columns {
		if err := entrustment.CheckDomain("columns", col.Name, col.Domain); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (e *Enclave) loadList(ctx context.Context, req wire.ListRequest, f *opened) (wire.ListLoaded, error) {
	var none wire.ListLoaded
	c, err := locked(e, func() (*entrustRecord, error) { return e.mayLoad(req, f) })
	if err != nil {
		return none, err
	}
	list, err := e.buildList(ctx, c.Contract, f.header, f.rows)
	if err != nil {
		return none, err
	}
	if list.Rows() == 0 {
		return none, &entrustment.Error{Code: entrustment.CodeFile, Clause: "FORMATS §4", Field: "list",
			Detail: "no row of the file can be used", Mend: "mend what the report names; the list stays as it was"}
	}
	// Only loads replace lists, and they take turns.
	old, err := locked(e, func() (*listRecord, error) {
		old := e.state.lists[listKey{req.Entrustment, req.Name}]
		if old != nil && old.ID == hexID(list.ID()) && old.Under == c.Version {
			return old, nil
		}
		return old, e.listRate(req.Entrustment)
	})
	if err != nil {
		return none, err
	}
	if old != nil && old.ID == hexID(list.ID()) && old.Under == c.Version {
		same, err := locked(e, func() (*wire.ListLoaded, error) {
			if err := e.useUp(f, kindList+" "+req.Entrustment+"/"+req.Name, old.ID); err != nil {
				return nil, err
			}
			return e.sameList(old)
		})
		return deref(same), err
	}
	ref, err := e.writeSegment(dataKey(req.Entrustment), list.Columns())
	if err != nil {
		return none, err
	}
	return locked(e, func() (wire.ListLoaded, error) {
		if _, err := e.mayLoad(req, f); err != nil { // the contract may have been amended
			return none, err
		}
		facts := e.facts(c.Contract)
		rec := listRecord{Entrustment: req.Entrustment, Name: req.Name, Version: 1, Under: c.Version, Party: facts.ListOwner(), Segment: ref, ID: hexID(list.ID()),
			Kinds: loadAct(f.header).Kinds, Columns: columnsOf(f.header), Rows: int64(list.Rows()), Tokens: int64(list.Tokens()), Upload: f.upload}
		if old != nil {
			rec.Version = old.Version + 1
		}
		ack, err := e.ack(kindList, req.Entrustment+"/"+req.Name, false, rec)
		if err != nil {
			return none, err
		}
		ack.Version = rec.Version
		e.engine.PutList(list)
		e.have(rec.ID)
		if old != nil && !e.state.uses(old.ID) {
			e.retire(old.ID)
		}
		return wire.ListLoaded{Ack: ack, Rows: rec.Rows, Tokens: rec.Tokens, Floor: e.gate.Policy().ListFloor}, e.vault.Sweep(e.state.segments())
	})
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
