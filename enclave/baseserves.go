package enclave

import (
	"fmt"
	"slices"

	"awase/crypto/delivery"
	"awase/entrustment"
)

// What of a base is kept for deliveries is kept while somebody may ask for it: the
// hashes of a kind for as long as a contract names it. An entry of the record log says
// that they went; from there on they are not there, and an opening finishes what a
// process left that died.

// forgetRecord says that the hashes of kinds are let go of.
type forgetRecord struct {
	Base  int      `json:"base"` // version
	Kinds []string `json:"kinds"`
	// Backups is the last day of the backups that may hold them, "" where there is none.
	Backups string `json:"backups,omitempty"`
}

// forget folds it in. The record of the base is another one: others may read the one
// before.
func (s *state) forget(f *forgetRecord) {
	if s.base == nil || s.base.Version != f.Base {
		return
	}
	next := *s.base
	next.Hashes = slices.DeleteFunc(slices.Clone(next.Hashes), func(h hashesRecord) bool { return slices.Contains(f.Kinds, h.Kind) })
	s.base = &next
	s.bases[len(s.bases)-1].record = &next
}

// namedKinds gives the kinds of identifiers that contracts name to be delivered: those
// in force and those to come. While the clock stands no last day is over.
func (e *Enclave) namedKinds() (out []string) {
	now, stands := e.retention.clock()
	for _, kind := range entrustment.Kinds() {
		for id, c := range e.state.contracts {
			over := e.state.ended[id] != nil || !stands && !now.Before(c.Contract.Until.End())
			if !over && slices.Contains(c.Contract.DeliverIdentifiers, kind) {
				out = append(out, kind)
				break
			}
		}
	}
	return out
}

// forget lets go of the hashes of kinds that no contract names any more. The room's
// lock is held.
func (e *Enclave) forget() error {
	b := e.state.base
	if b == nil {
		e.destroyHashKeys()
		return nil
	}
	named := e.retention.named()
	rec := forgetRecord{Base: b.Version, Backups: e.state.backupsOf("", entrustment.DateOf(e.vault.Log().Now()))}
	for _, h := range b.Hashes {
		if !slices.Contains(named, h.Kind) {
			rec.Kinds = append(rec.Kinds, h.Kind)
		}
	}
	if len(rec.Kinds) > 0 {
		if _, err := e.append(kindForget, rec); err != nil {
			return fmt.Errorf("writing down what of the base is let go of: %w", err)
		}
		for _, h := range b.Hashes {
			if slices.Contains(rec.Kinds, h.Kind) {
				e.retention.unlink[h.Segment.ID] = true
			}
		}
		if err := e.unlinkExpired(); err != nil { // the entry stands, and the next look tries again
			e.log.Error("unlinking identifiers of the base failed; it is tried again", "error", err)
		}
	}
	e.destroyHashKeys()
	return nil
}

// destroyHashKeys destroys the keys of the kinds of which the base has no hashes, but
// for a load under way, which may be writing some. The room's lock is held.
func (e *Enclave) destroyHashKeys() {
	if e.retention.loading[""] > 0 {
		return
	}
	for _, kind := range entrustment.Kinds() {
		if b := e.state.base; b != nil && b.keeps(kind) {
			continue
		}
		if err := e.vault.DestroyDataKey(hashesKey(kind)); err != nil { // what was under it is let go of, and the next look tries again
			e.log.Error("destroying a key of identifiers of the base failed; it is tried again", "error", err)
		}
	}
}

var (
	errNoUserKeys = &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "docs/deliveries.md", Field: "destination.channel", Detail: "the base was loaded by a version that kept no user keys for its channels",
		Mend: "load the base again, sealed anew"}
	errLongKeys = &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "docs/deliveries-format.md", Field: "destination.channel",
		Detail: fmt.Sprintf("the base has user keys of more than %d bytes, so it has no own channel", delivery.MaxUserKey), Mend: "name a column of shorter keys as user_key in base.yaml, and load the base"}
	errNoHashes = &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "DESIGN §5", Field: "destination.identifiers", Detail: "the base was loaded before a contract named this kind under deliver_identifiers, and has no hashes of it",
		Mend: "load the base again, sealed anew"}
)

// baseServes refuses a destination for which the base that stands keeps nothing: by what
// is known of the whole base, never of an audience. Whether the contract lets it be named
// is decided before (entrustment.DecideCampaign). The room's lock is held.
func (e *Enclave) baseServes(d *entrustment.Destination) error {
	b := e.state.base
	if b == nil {
		return &entrustment.Error{Code: entrustment.CodeNotFound, Field: "base", Detail: "there is no identity base yet", Mend: "load it with awase base load"}
	}
	if d.Form == entrustment.FormOwnChannel {
		switch {
		case b.UserKeys == nil:
			return errNoUserKeys
		case b.UserKeys.Long:
			return errLongKeys
		}
	}
	for i, kind := range d.Base {
		field := fmt.Sprintf("destination.identifiers[%d]", i)
		if !b.declares(kind) {
			return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 2", Field: field, Detail: "the base has no identifiers of this kind", Mend: "name another, or declare its column under identifiers: in base.yaml and load the base"}
		}
		if !b.keeps(kind) {
			refusal := *errNoHashes
			refusal.Field = field
			return &refusal
		}
	}
	return nil
}

// declares tells whether the base has a column of a kind.
func (b *baseRecord) declares(kind string) bool {
	return slices.ContainsFunc(b.Schema.Identifiers, func(c entrustment.IdentifierColumn) bool { return c.Kind == kind })
}

// keeps tells whether the hashes of a kind are kept.
func (b *baseRecord) keeps(kind string) bool {
	return slices.ContainsFunc(b.Hashes, func(h hashesRecord) bool { return h.Kind == kind })
}

// lacks tells whether the base was loaded without something that deliveries may need
// today: the same file again is then no file that is there already, and it has to be
// sealed anew. The room's lock is held.
func (e *Enclave) lacks(b *baseRecord) bool {
	return b.UserKeys == nil && len(b.Schema.Channels) > 0 ||
		slices.ContainsFunc(e.retention.named(), func(kind string) bool { return b.declares(kind) && !b.keeps(kind) })
}
