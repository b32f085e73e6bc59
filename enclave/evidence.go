package enclave

import (
	"context"
	"encoding/json"
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

// Evidence of how data was handled: of one entrustment, for its parties, or, of an
// incident, of the room in a period, for the operator. It is put together from the
// record log as its reader may read it (shown), so that what was not for a party's
// eyes is not in its file; what the fold knows beside is in what may be asked of
// the catalogue.

// roomWide are the entries beside those of an entrustment that tell how the room
// was run meanwhile. They name no other entrustment and no party's numbers.
var roomWide = map[string]bool{
	kindPolicies: true, kindGate: true, kindRotation: true, kindBackup: true, kindLost: true, kindConfirm: true, kindEngine: true, kindForget: true,
	vault.KindRestore: true, vault.KindClock: true, kindLift: true,
}

// Evidence gives the signed evidence of an entrustment or of an incident.
func (e *Enclave) Evidence(ctx context.Context, req wire.EvidenceRequest) ([]byte, error) {
	if err := checkPeriod(&req); err != nil {
		return nil, err
	}
	records := e.vault.Log().Records()
	f := &file{EvidenceFile: wire.EvidenceFile{Schema: wire.EvidenceSchema, Entrustment: req.Entrustment, Party: req.Party, From: req.From, To: req.To,
		Dev: e.vault.Dev(), Practice: e.vault.Practice(), Key: e.vault.Signer().Public(), Size: int64(len(records))}, records: records}
	if len(records) > 0 {
		f.At = utc(records[len(records)-1].Time)
	}
	e.mu.Lock()
	err := f.contracts(e)
	e.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := f.read(e.journal); err != nil {
		return nil, err
	}
	e.mu.Lock()
	err = f.finish(e)
	e.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return f.sign(ctx, e)
}

// checkPeriod refuses a question that is none.
func checkPeriod(req *wire.EvidenceRequest) error {
	refused := func(field, detail, mend string) error {
		return &entrustment.Error{Code: entrustment.CodeSpec, Clause: "docs/supervision.md", Field: field, Detail: detail, Mend: mend}
	}
	switch {
	case !req.From.IsZero() && !req.To.IsZero() && req.To.Before(req.From):
		return refused("to", "the last day is before the first", "name them the other way round")
	case req.Entrustment == "" && req.Party != "":
		return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "docs/supervision.md", Field: "party",
			Detail: "an incident concerns all parties, and its export is for the operator's privacy officers and auditors", Mend: "name an entrustment of the party"}
	case req.Entrustment == "" && (req.From.IsZero() || req.To.IsZero()):
		return refused("from", "an incident is of a period", "name its first and its last day: from and to")
	}
	return nil
}

// file is evidence in the making.
type file struct {
	wire.EvidenceFile
	records  []vault.Record
	versions map[string][]kept[entrustRecord] // of the entrustments concerned, oldest first
	all      map[string][]kept[entrustRecord] // likewise, also those that don't name its reader
	people   map[string]*entrustment.Party
}

// incident tells whether the whole room is concerned.
func (f *file) incident() bool { return f.Entrustment == "" }

// contracts finds the versions of the entrustments that may be concerned, as its
// reader may know them. The room's lock is held.
func (f *file) contracts(e *Enclave) error {
	f.versions, f.people = map[string][]kept[entrustRecord]{}, maps.Clone(e.state.parties)
	if op, err := e.operator(); err == nil {
		f.Operator = op.ID
	}
	f.all = maps.Clone(e.state.versionsOf)
	for id, versions := range e.state.versionsOf {
		if !f.incident() && id != f.Entrustment {
			continue
		}
		for _, v := range versions {
			if v.seq < f.Size && (f.Party == "" || slices.Contains(v.record.Contract.Parties(), f.Party)) {
				f.versions[id] = append(f.versions[id], v)
			}
		}
	}
	if !f.incident() && len(f.versions[f.Entrustment]) == 0 { // in the words of one that never was
		return &entrustment.Error{Code: entrustment.CodeNotFound, Field: "entrustment", Detail: "there is no entrustment " + entrustment.Quote(f.Entrustment),
			Mend: "name one of the party's own: awase entrustments"}
	}
	return nil
}

// within tells whether a moment is in the period.
func (f *file) within(at time.Time) bool {
	return (f.From.IsZero() || !at.Before(f.From.Start())) && (f.To.IsZero() || at.Before(f.To.End()))
}

// wants tells whether an entry belongs into the evidence.
func (f *file) wants(r *vault.Record, p *place) bool {
	switch {
	case !f.within(r.Time):
		return false
	case f.incident():
		return true
	case p.entrustment != "":
		return p.entrustment == f.Entrustment
	case r.Kind == kindParty || r.Kind == kindCeremony || r.Kind == kindFreeze:
		return p.owner != "" && f.names(p.owner)
	}
	return roomWide[r.Kind]
}

// names tells whether a version of the entrustment names a party.
func (f *file) names(party string) bool {
	return slices.ContainsFunc(f.versions[f.Entrustment], func(v kept[entrustRecord]) bool { return slices.Contains(v.record.Contract.Parties(), party) })
}

// read takes the entries that belong into the evidence, and what they tell.
func (f *file) read(j *journal) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.takeIn(f.records); err != nil {
		return err
	}
	accounts := map[aggregator.Account]*wire.EvidenceAccount{}
	size := 0
	for seq := range j.from(wire.LogRequest{Party: f.Party}, f.Size) {
		r, p := &f.records[seq], &j.places[seq]
		if !f.wants(r, p) {
			continue
		}
		detail, ok := j.visible(p.viewer(f.Party, j.now.operator), r, p)
		if !ok {
			continue
		}
		entry, err := p.entry(r, detail)
		if err != nil {
			return err
		}
		if size += len(entry.Detail); len(f.Entries) == wire.MaxEvidence || size > wire.MaxEvidenceBytes {
			mend := "ask for shorter periods, one file each: from and to"
			if f.From == f.To && !f.From.IsZero() { // there is none shorter
				mend = "read them with awase log entries, and prove them with awase log inclusion"
			}
			return &entrustment.Error{Code: entrustment.CodeLimit, Clause: "docs/supervision.md", Field: "period",
				Detail: fmt.Sprintf("there are more than %d entries, or %d MiB of them, and one file holds no more", wire.MaxEvidence, wire.MaxEvidenceBytes>>20), Mend: mend}
		}
		f.Entries = append(f.Entries, wire.EvidenceEntry{LogEntry: entry})
		if err := f.tell(r, p, detail, accounts); err != nil {
			return fmt.Errorf("reading entry %d of the record log: %w", seq, err)
		}
	}
	for _, a := range accounts {
		f.Accounts = append(f.Accounts, *a)
	}
	slices.SortFunc(f.Accounts, func(a, b wire.EvidenceAccount) int {
		return slices.Compare([]string{a.Recipient, a.Owner}, []string{b.Recipient, b.Owner})
	})
	return nil
}

// finish adds what the fold knows of the entrustments concerned. The room's lock is
// held.
func (f *file) finish(e *Enclave) error {
	concerned := map[string]bool{}
	if !f.incident() {
		concerned[f.Entrustment] = true
	}
	for i := range f.Entries {
		if id := f.Entries[i].Entrustment; f.versions[id] != nil {
			concerned[id] = true
		}
	}
	if f.incident() {
		var err error
		if f.Held, err = f.held(); err != nil {
			return err
		}
		for i := range f.Held {
			if id := f.Held[i].Entrustment; f.versions[id] != nil {
				concerned[id] = true
			}
		}
	}
	approvals, err := f.approvals(concerned)
	if err != nil {
		return err
	}
	named := map[string]bool{f.Operator: f.Operator != ""}
	for _, id := range slices.Sorted(maps.Keys(concerned)) {
		for i := range f.versions[id] {
			v := &f.versions[id][i]
			if !f.To.IsZero() && !v.at.Before(f.To.End()) {
				continue
			}
			c, err := f.contract(v, approvals)
			if err != nil {
				return err
			}
			f.Contracts = append(f.Contracts, c)
			f.subTrustees(i, id)
			for _, party := range v.record.Contract.Parties() {
				named[party] = true
			}
		}
		if end := e.state.ended[id]; end != nil && slices.ContainsFunc(f.Entries, func(l wire.EvidenceEntry) bool { return l.Seq == end.seq }) {
			raw, err := e.certificate(id)
			if err != nil {
				return err
			}
			f.Ends = append(f.Ends, wire.EvidenceCertificate{Entrustment: id, Certificate: string(raw)})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(named)) {
		if p := f.people[id]; p != nil && named[id] {
			f.Parties = append(f.Parties, wire.EvidenceParty{ID: id, Class: p.Class, Country: p.Country, Delivery: keyPrint(p.DeliveryKey), Serving: keyPrint(p.ServingKey)})
		}
	}
	return nil
}

// sign adds the proofs and the attestation, and signs the whole.
func (f *file) sign(ctx context.Context, e *Enclave) ([]byte, error) {
	seqs := make([]int64, len(f.Entries))
	for i := range f.Entries {
		seqs[i] = f.Entries[i].Seq
	}
	checkpoint, paths, err := e.vault.Log().Proofs(f.Size, seqs)
	if err != nil {
		return nil, err
	}
	f.Checkpoint = string(checkpoint)
	for i := range f.Entries {
		f.Entries[i].Path = paths[i]
	}
	attestation, err := e.Attestation(ctx, receipt.EvidenceNonce(f.Checkpoint))
	if err != nil {
		return nil, err
	}
	f.Attestation = string(attestation)
	f.empty()
	body, err := json.Marshal(f.EvidenceFile)
	if err != nil {
		return nil, fmt.Errorf("writing the evidence: %w", err)
	}
	return e.vault.Signer().SignEvidence(body)
}

// empty writes what there is none of as a list of nothing.
func (f *file) empty() {
	f.Parties, f.Contracts, f.Entries = none(f.Parties), none(f.Contracts), none(f.Entries)
	f.Uploads, f.Asks, f.Releases, f.Accounts = none(f.Uploads), none(f.Asks), none(f.Releases), none(f.Accounts)
	f.SubTrustees = none(f.SubTrustees)
	f.Provisions, f.Ends = none(f.Provisions), none(f.Ends)
	for i := range f.Entries {
		f.Entries[i].Path = none(f.Entries[i].Path)
	}
}

func none[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
