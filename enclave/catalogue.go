package enclave

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// history is what the room shows of versions that others replaced: a part of the
// fold over the record log.
type history struct {
	versionsOf map[string][]kept[entrustRecord] // by entrustment
	listed     map[listKey][]kept[listRecord]   // of lists that stand
	bases      []kept[baseRecord]
}

// kept is a record's body, and where it stands.
type kept[T any] struct {
	record *T
	seq    int64
	at     time.Time
}

func newHistory() history {
	return history{versionsOf: map[string][]kept[entrustRecord]{}, listed: map[listKey][]kept[listRecord]{}}
}

// Room tells what state the room is in.
func (e *Enclave) Room(context.Context) (wire.Room, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	log := e.vault.Log()
	r := wire.Room{Initialised: e.initialised() == nil, Officers: e.signs && e.state.ceremony, Practice: e.vault.Practice(), Frozen: len(e.state.frozen) > 0, Clock: jump(log.Stopped()),
		Confinement: e.Confinement(), Now: utc(log.Now()), Seq: int64(len(log.Records())) - 1}
	if op, err := e.operator(); err == nil {
		r.Operator = op.ID
	}
	return r, nil
}

// Parties gives all parties, by id.
func (e *Enclave) Parties(context.Context) ([]wire.PartyInfo, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := []wire.PartyInfo{}
	records := e.vault.Log().Records()
	for _, id := range slices.Sorted(maps.Keys(e.state.parties)) {
		key := kindParty + " " + id
		seq := e.state.acts[key]
		p := e.state.parties[id]
		out = append(out, wire.PartyInfo{Party: p, Version: e.state.versions[key], Seq: seq, At: utc(records[seq].Time), Delivery: keyPrint(p.DeliveryKey), Serving: keyPrint(p.ServingKey)})
	}
	return out, nil
}

// Contracts gives all entrustments, ended ones too, with their newest versions.
func (e *Enclave) Contracts(context.Context) ([]wire.EntrustmentInfo, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := []wire.EntrustmentInfo{}
	for _, id := range slices.Sorted(maps.Keys(e.state.versionsOf)) {
		versions := e.state.versionsOf[id]
		out = append(out, e.infoOf(id, versions[len(versions)-1:]))
	}
	return out, nil
}

// Entrustment gives one entrustment with its versions, ended ones too.
func (e *Enclave) Entrustment(_ context.Context, id string) (wire.EntrustmentInfo, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	versions := e.state.versionsOf[id]
	if len(versions) == 0 {
		_, err := e.contract(id)
		return wire.EntrustmentInfo{}, err
	}
	return e.infoOf(id, versions), nil
}

// infoOf writes versions of an entrustment, of which the last is its newest. The
// room's lock is held.
func (e *Enclave) infoOf(id string, versions []kept[entrustRecord]) wire.EntrustmentInfo {
	newest := versions[len(versions)-1]
	out := wire.EntrustmentInfo{ID: id, Version: newest.record.Version, State: e.stateOf(newest.record.Contract)}
	if end := e.state.ended[id]; end != nil {
		out.EndedAt = utc(end.at)
	} else {
		out.EndsAt = utc(runsOutAt(newest.record.Contract))
	}
	for _, v := range slices.Backward(versions) {
		state := wire.StateAmended
		if v.record == newest.record {
			state = out.State
		}
		out.Versions = append(out.Versions, wire.EntrustmentVersion{Version: v.record.Version, State: state, Contract: v.record.Contract, Seq: v.seq, At: utc(v.at)})
	}
	return out
}

// stateOf tells how a contract stands now. The room's lock is held.
func (e *Enclave) stateOf(c *entrustment.Contract) string {
	now := e.vault.Log().Now()
	switch {
	case e.state.destroyed(c.ID):
		return wire.StateDestroyed
	case e.state.ended[c.ID] != nil:
		return wire.StateEnded
	case now.Before(c.From.Start()):
		return wire.StateUpcoming
	case !now.Before(c.Until.Add(1).Start()):
		return wire.StateExpired
	}
	return wire.StateActive
}

// Policies gives the policies in force, nil where none were set.
func (e *Enclave) Policies(context.Context) (*entrustment.Policies, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state.policies, nil
}

// known refuses an entrustment that never was. The room's lock is held.
func (e *Enclave) known(id string) error {
	if e.state.contracts[id] != nil {
		return nil
	}
	_, err := e.contract(id)
	return err
}

// Lists gives the lists of an entrustment that stand.
func (e *Enclave) Lists(_ context.Context, id string) ([]wire.ListInfo, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.known(id); err != nil {
		return nil, err
	}
	out, expires := []wire.ListInfo{}, e.state.expiresAt(id)
	for key, versions := range e.state.listed {
		if key.entrustment != id {
			continue
		}
		l := wire.ListInfo{Name: key.name, Party: versions[len(versions)-1].record.Party, ExpiresAt: expires[versions[len(versions)-1].seq]}
		var before *listRecord
		for _, v := range versions {
			r := v.record
			one := wire.ListVersion{Version: r.Version, Under: r.Under, Change: cmp.Or(r.Change, wire.ListReplaced), Rows: r.Rows, Tokens: r.Tokens, Seq: v.seq, At: utc(v.at)}
			if d := r.diff(r.Change, before); d != nil {
				one.Added, one.Removed = &d.Added, &d.Removed
			}
			for _, c := range r.Columns {
				one.Columns = append(one.Columns, wire.Dim{Name: c.Name, Domain: c.Domain})
			}
			l.Versions, before = append(l.Versions, one), r
		}
		slices.Reverse(l.Versions)
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b wire.ListInfo) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// EventLogs gives the event logs of an entrustment that stand.
func (e *Enclave) EventLogs(_ context.Context, id string) ([]wire.EventsInfo, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if id != "" {
		if err := e.known(id); err != nil {
			return nil, err
		}
	}
	out, expires := []wire.EventsInfo{}, map[int64]string{}
	if id != "" {
		expires = e.state.expiresAt(id)
	}
	for _, l := range e.state.events[cmp.Or(id, seal.BaseEntrustment)] {
		out = append(out, wire.EventsInfo{Version: l.Version, Under: l.Under, Party: l.Party, Rows: l.Rows, From: l.From, To: l.To, Seq: l.seq, At: utc(l.at), ExpiresAt: expires[l.seq]})
	}
	return out, nil
}

// Bases gives the loads of the identity base, newest first.
func (e *Enclave) Bases(context.Context) ([]wire.BaseInfo, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := []wire.BaseInfo{}
	for _, b := range slices.Backward(e.state.bases) {
		out = append(out, wire.BaseInfo{Version: b.record.Version, Users: b.record.Users, Schema: b.record.Schema, Seq: b.seq, At: utc(b.at)})
	}
	return out, nil
}

// Checkpoint gives the signed checkpoint of the log as it is now.
func (e *Enclave) Checkpoint(context.Context) ([]byte, error) { return e.vault.Log().Checkpoint() }

// Inclusion gives the JSON of a receipt.Inclusion of an entry in the log as it is
// now.
func (e *Enclave) Inclusion(_ context.Context, seq int64) ([]byte, error) {
	if seq < 0 || seq >= int64(len(e.vault.Log().Records())) {
		return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "DESIGN §5", Field: "entry", Detail: "the record log has no such entry",
			Mend: "entries are counted from 0; name one that the log shows"}
	}
	p, err := e.vault.Log().Inclusion(seq)
	if err != nil {
		return nil, err
	}
	return json.Marshal(p)
}
