package enclave

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"awase/aggregator"
	"awase/crypto/receipt"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// The end of an entrustment (DESIGN §2 rule 1, §5). No new act under it is taken,
// questions under way end first, and then one entry of the record log ends it:
// from there on nothing of it is used again, whatever becomes of the process.
// After the entry its data key leaves the keys file, its segments are unlinked,
// and the vault key is replaced, so that an old copy of the vault opens nothing of
// it with today's key. Each of the three can be done again, and an opening does
// what is left.

// endRecord ends an entrustment.
type endRecord struct {
	Entrustment string `json:"entrustment"`
	Version     int    `json:"version"`
	// Generation is the newest of the vault keys that wrapped its data key.
	Generation int64    `json:"generation"`
	Segments   []string `json:"segments"`
	// Backups is the last day of the backups that hold them, "" where there is none.
	Backups string `json:"backups,omitempty"`
	// Engine is the engine outside that may hold data of it, "" where there is none.
	Engine string `json:"engine,omitempty"`
	// Servers are digests of the names of all its shards that may.
	Servers []hexID `json:"servers,omitempty"`
	// By is the officer who signed for it; nil in a dev vault, and by its own terms.
	By *byOfficer `json:"by,omitempty"`
	// Terms: nobody ended it, its last day and what it kept are over.
	Terms bool `json:"terms,omitempty"`
}

// ended is an end as the log has it.
type ended struct {
	endRecord
	seq int64
	at  time.Time
}

// rotationRecord says that only a vault key of this generation opens the vault.
type rotationRecord struct {
	Generation int64 `json:"generation"`
	// By is the officer who signed for it; nil in a dev vault, after an end, and where
	// a process died in between.
	By *byOfficer `json:"by,omitempty"`
}

// rotated is a rotation as the log has it.
type rotated struct{ generation, seq int64 }

// over refuses what is asked under an entrustment that ended, or is about to. The
// room's lock is held.
func (e *Enclave) over(id string) error {
	switch end := e.state.ended[id]; {
	case end != nil:
		return wire.Ended(id, end.at)
	case e.ending[id] > 0:
		return &entrustment.Error{Code: entrustment.CodeGone, Clause: "DESIGN §2 rule 1", Field: "entrustment",
			Detail: fmt.Sprintf("the entrustment %s is being ended: only questions that were asked before are still answered", id), Mend: "a new contract needs an id of its own"}
	}
	return nil
}

// end folds the end of an entrustment in: what it spent stays, nothing else does.
func (s *state) end(end *ended, gate *aggregator.Gate) {
	id := end.Entrustment
	s.ended[id] = end
	delete(s.events, id)
	delete(s.listTimes, id)
	for key := range s.lists {
		if key.entrustment == id {
			delete(s.lists, key)
			delete(s.listed, key)
		}
	}
	for key := range s.cubes {
		if key.entrustment == id {
			delete(s.cubes, key)
		}
	}
	for seq, r := range s.reportTable {
		if r.Entrustment == id {
			delete(s.reportTable, seq)
			delete(s.reports, r.Key)
		}
	}
	s.endDeliveries(id)
	for name, q := range s.reserved {
		if q.Entrustment == id {
			gate.ReplayFree(name)
			delete(s.reserved, name)
		}
	}
}

// EndEntrustment ends an entrustment for good and gives the certificate of its
// destruction. Asked again it finishes what is left to do.
func (e *Enclave) EndEntrustment(ctx context.Context, id string, by wire.ByOfficer) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state.contracts[id] == nil {
		_, err := e.contract(id)
		return nil, e.refuse(kindEnd, id, err)
	}
	if e.state.ended[id] == nil { // before anything of it stands still
		if _, err := e.mayEnd(id, by); err != nil {
			return nil, e.refuse(kindEnd, id, err)
		}
	}
	if err := e.drain(ctx, id); err != nil {
		return nil, err
	}
	if e.state.ended[id] == nil {
		officer, err := e.mayEnd(id, by) // it may have been amended meanwhile
		if err != nil {
			return nil, e.refuse(kindEnd, id, err)
		}
		if err := e.end(id, officer, false); err != nil {
			return nil, err
		}
	}
	// What is logged is finished, whoever went away.
	if err := e.destroy(context.WithoutCancel(ctx), e.state.ended[id]); err != nil {
		return nil, fmt.Errorf("the entrustment ended, and is not destroyed yet; run the command again, or open the vault again: %w", err)
	}
	if e.state.ended[id].Engine != "" && e.state.dropped[id] == 0 {
		e.mu.Unlock()
		e.dropOutside(context.WithoutCancel(ctx))
		e.mu.Lock()
	}
	return e.certificate(id)
}

// drain waits until no question runs under an entrustment, and lets none begin.
// It gives the room's lock back while it waits. Once it gave an error they may
// begin again.
func (e *Enclave) drain(ctx context.Context, id string) error {
	e.ending[id]++
	defer func() {
		if e.ending[id]--; e.ending[id] == 0 {
			delete(e.ending, id)
		}
	}()
	for e.asking[id] > 0 {
		letGo := e.letGo
		e.mu.Unlock()
		select {
		case <-letGo:
			e.mu.Lock()
		case <-ctx.Done():
			e.mu.Lock()
			return fmt.Errorf("waiting for the questions under way: %w", ctx.Err())
		}
	}
	return nil
}

// end writes the end and lets go of what was in memory.
func (e *Enclave) end(id string, by *byOfficer, terms bool) error {
	_, newest := e.vault.Generation()
	rec := endRecord{Entrustment: id, Version: e.state.contracts[id].Version, Generation: newest, Segments: []string{}, By: by, Terms: terms,
		Backups: e.state.backupsOf(id, entrustment.DateOf(e.vault.Log().Now()))}
	rec.Engine, rec.Servers = e.state.outsideOf(id)
	var contents []hexID
	for key, l := range e.state.lists {
		if key.entrustment == id {
			for _, ref := range l.refs() {
				rec.Segments = append(rec.Segments, ref.ID)
			}
			contents = append(contents, l.ID)
		}
	}
	for _, l := range e.state.events[id] {
		rec.Segments = append(rec.Segments, l.Segment.ID)
		contents = append(contents, l.Digest)
	}
	for _, r := range e.state.reportTable {
		if r.Entrustment == id {
			rec.Segments = append(rec.Segments, r.Segment.ID)
		}
	}
	rec.Segments = append(rec.Segments, e.state.audiencesOf(id)...)
	slices.Sort(rec.Segments)
	if _, err := e.append(kindEnd, rec); err != nil {
		return err
	}
	for _, content := range contents {
		if !e.state.uses(content) && !e.state.keepsLog(content) {
			e.retire(content)
		}
	}
	return nil
}

// destroy does what follows the entry.
func (e *Enclave) destroy(ctx context.Context, end *ended) error {
	if err := e.forget(); err != nil { // before the vault key is replaced
		return err
	}
	if err := e.vault.DestroyDataKey(dataKey(end.Entrustment)); err != nil {
		return err
	}
	if err := e.vault.RemoveSegments(end.Segments); err != nil {
		return err
	}
	if err := e.sweepOutbox(); err != nil {
		return err
	}
	if err := e.noteRotation(nil); err != nil { // of a process that died before it could
		return err
	}
	// A restored vault may have the key of before again.
	if e.state.replaced(end) == nil {
		if _, err := e.vault.Rotate(ctx); err != nil && !errors.Is(err, vault.ErrNextKey) {
			return err
		}
	}
	return e.noteRotation(nil)
}

// replaced gives the rotation by which the vault key was replaced since an end and
// since the vault was last restored, nil where there is none.
func (s *state) replaced(end *ended) *rotated {
	from := end.seq
	if s.restored != nil {
		from = max(from, s.restored.seq)
	}
	for i := range s.rotations {
		if r := &s.rotations[i]; r.seq > from && r.generation > end.Generation {
			return r
		}
	}
	return nil
}

// destroyed tells whether nothing is left of an entrustment that ended: what its
// certificate says.
func (s *state) destroyed(id string) bool {
	end := s.ended[id]
	return end != nil && s.replaced(end) != nil && (end.Engine == "" || s.dropped[id] != 0)
}

// noteRotation logs a rotation that was finished.
func (e *Enclave) noteRotation(by *byOfficer) error {
	now, _ := e.vault.Generation()
	if now <= e.state.generation() {
		return nil
	}
	_, err := e.append(kindRotation, rotationRecord{now, by})
	return err
}

// generation is that of the vault key as the log has it.
func (s *state) generation() int64 {
	if n := len(s.rotations); n > 0 {
		return s.rotations[n-1].generation
	}
	return 1
}

// finishEnds does, at an opening, what a process that died left to do.
func (e *Enclave) finishEnds(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(e.state.ended)) {
		if err := e.destroy(ctx, e.state.ended[id]); err != nil {
			return fmt.Errorf("destroying what is left of an ended entrustment: %w", err)
		}
		delete(e.retention.ends, id)
	}
	return e.noteRotation(nil)
}

// Certificate gives the certificate of an ended entrustment as it is now.
func (e *Enclave) Certificate(_ context.Context, id string) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state.ended[id] != nil {
		return e.certificate(id)
	}
	if _, err := e.contract(id); err != nil {
		return nil, err
	}
	return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Field: "certificate", Detail: "the entrustment " + id + " did not end, and nothing of it was destroyed",
		Mend: "awase entrustment end ends it"}
}

func (e *Enclave) certificate(id string) ([]byte, error) {
	end := e.state.ended[id]
	d := receipt.Destruction{Dev: e.vault.Dev(), Entrustment: id, Version: end.Version, EndedAt: utc(end.at), Segments: len(end.Segments), Backups: end.Backups, Engine: end.Engine, ByTerms: end.Terms}
	var err error
	if d.End, err = e.vault.Log().Proof(end.seq); err != nil {
		return nil, err
	}
	if r := e.state.replaced(end); r != nil {
		proof, err := e.vault.Log().Proof(r.seq)
		if err != nil {
			return nil, err
		}
		d.Rotation = &proof
	}
	if seq := e.state.dropped[id]; seq != 0 && end.Engine != "" {
		proof, err := e.vault.Log().Proof(seq)
		if err != nil {
			return nil, err
		}
		d.Dropped = &proof
	} else if seq := e.state.gone[id]; seq != 0 && end.Engine != "" {
		proof, err := e.vault.Log().Proof(seq)
		if err != nil {
			return nil, err
		}
		d.Lost = &proof
	}
	d.Status = d.As()
	out, err := e.vault.Signer().SignDestruction(d)
	if err != nil {
		return nil, fmt.Errorf("signing the certificate: %w", err)
	}
	return out, nil
}

// Rotate replaces the vault key, and wraps what it wraps anew.
func (e *Enclave) Rotate(ctx context.Context, by wire.ByOfficer) (wire.Rotation, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	officer, err := e.mayRotate(by)
	if err != nil {
		return wire.Rotation{}, e.refuse(kindRotate, "", err)
	}
	done, err := e.vault.Rotate(context.WithoutCancel(ctx))
	if errors.Is(err, vault.ErrNextKey) {
		return wire.Rotation{}, e.refuse("rotate", "", &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §5", Field: "vault key", Detail: err.Error(),
			Mend: "make a key (openssl rand -hex 32) and name it with --next-key: to awase vault rotate or, where the vault is served, to awase serve"})
	}
	if err != nil {
		return wire.Rotation{}, err
	}
	if err := e.noteRotation(officer); err != nil {
		return wire.Rotation{}, err
	}
	now, _ := e.vault.Generation()
	return wire.Rotation{Generation: now, Pending: !done}, nil
}
