package enclave

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"awase/aggregator"
	"awase/crypto/approval"
	"awase/enclave/vault"
	"awase/enclave/wire"
	"awase/entrustment"
)

// keepYears is how long a record of a provision is kept: APPI articles 29(2) and
// 30(4) with the rules made under them.
const keepYears = 3

// tell takes what an entry says into the lists that people read. detail is what
// its reader is told of it: nothing but a period's row counts of an incident comes
// from anywhere else.
func (f *file) tell(r *vault.Record, p *place, detail any, accounts map[aggregator.Account]*wire.EvidenceAccount) error {
	at := utc(r.Time)
	switch d := detail.(type) {
	case shownList:
		rows := d.Rows
		if f.incident() {
			l, err := body[listRecord](r)
			if err != nil {
				return err
			}
			rows = l.Rows
		}
		f.Uploads = append(f.Uploads, wire.EvidenceUpload{Seq: r.Seq, At: at, Party: p.owner, Entrustment: p.entrustment, Kind: kindList, Name: d.Name, Version: d.Version, Rows: rows})
		f.provide(r, p, kindList, p.owner, "")
	case shownEvents:
		rows := d.Rows
		if f.incident() {
			l, err := body[eventsRecord](r)
			if err != nil {
				return err
			}
			rows = l.Rows
		}
		f.Uploads = append(f.Uploads, wire.EvidenceUpload{Seq: r.Seq, At: at, Party: p.owner, Entrustment: p.entrustment, Kind: kindEvents, Version: d.Version, Rows: rows})
		f.provide(r, p, kindEvents, p.owner, "")
	case shownBase:
		f.Uploads = append(f.Uploads, wire.EvidenceUpload{Seq: r.Seq, At: at, Party: p.owner, Kind: kindBase, Version: d.Version, Rows: d.Users})
	case shownReport:
		rel := wire.EvidenceRelease{Seq: r.Seq, At: at, Entrustment: p.entrustment, Version: d.Version, Recipient: d.Recipient}
		if s := d.shownRelease; s != nil {
			rel.Table, rel.RhoNano, rel.DeltaE15, rel.Confinement = s.Table, s.RhoNano, s.DeltaE15, s.Confinement
		}
		f.Releases = append(f.Releases, rel)
		f.asked(r, p, wire.EvidenceAsk{Party: d.AskedBy, Act: "release", Recipient: d.Recipient})
		f.provide(r, p, "release", "", d.Recipient)
	case shownDelivery:
		// What a day's removal or labels give, the audience before them gave.
		if !d.Small && !d.Daily && !d.Final {
			f.provide(r, p, kindDelivery, "", d.Receiver)
		}
	case *refusalRecord:
		f.asked(r, p, wire.EvidenceAsk{Party: d.AskedBy, Act: "refusal", Code: d.Code, Clause: d.Contract.Clause})
	case []shownCharge:
		if len(d) > 0 {
			f.asked(r, p, wire.EvidenceAsk{Party: d[0].AskedBy, Act: "charge", Report: d[0].Report})
		}
		if len(d) == 0 || d[0].shownSpent == nil {
			return nil // what it cost is not for this reader
		}
		c, err := body[chargeRecord](r)
		if err != nil {
			return err
		}
		for i := range c.Charges {
			for _, a := range c.Charges[i].Accounts {
				if accounts[a] == nil {
					accounts[a] = &wire.EvidenceAccount{Recipient: a.Recipient, Owner: a.Owner}
				}
				accounts[a].Charges++
				accounts[a].RhoNano += c.Charges[i].RhoNano
				accounts[a].DeltaE15 += c.Charges[i].DeltaE15
			}
		}
	}
	return nil
}

// asked notes what came of a question, by the party whose people asked it.
func (f *file) asked(r *vault.Record, p *place, a wire.EvidenceAsk) {
	if a.Party == "" {
		return // of none that asked over the service
	}
	a.Seq, a.At, a.Entrustment = r.Seq, utc(r.Time), p.entrustment
	f.Asks = append(f.Asks, a)
}

// version gives the version of an entrustment that an entry was written under, as its
// place among those that the reader sees; -1: of none.
func (f *file) version(id string, seq int64) int {
	versions := f.versions[id]
	n := 0
	for n < len(versions) && versions[n].seq < seq {
		n++
	}
	return n - 1
}

// inForce gives the number of the version that was in force when an entry was written,
// whether or not it names the reader; 0: of none.
func (f *file) inForce(id string, seq int64) (version int) {
	for _, v := range f.all[id] {
		if v.seq < seq {
			version = v.record.Version
		}
	}
	return version
}

// subTrustees writes those of a version, with what each did under it.
func (f *file) subTrustees(version int, id string) {
	v := &f.versions[id][version]
	c := v.record.Contract
	for _, s := range c.SubTrustees {
		out := wire.EvidenceSubTrustee{Entrustment: id, Version: v.record.Version, Party: s.Party, Country: f.country(c, s.Party), Work: s.Work, Consent: s.Consent, From: s.From, Until: s.Until}
		if out.From.IsZero() {
			out.From = c.From
		}
		if out.Until.IsZero() {
			out.Until = c.Until
		}
		for i := range f.Asks {
			a := &f.Asks[i]
			if a.Party != s.Party || a.Entrustment != id || f.inForce(id, a.Seq) != v.record.Version {
				continue
			}
			switch a.Act {
			case "charge":
				out.Charges++
			case "release":
				out.Releases++
			case "refusal":
				out.Refusals++
			}
		}
		f.SubTrustees = append(f.SubTrustees, out)
	}
}

// provide records what one party gave to another; of a file the one whose it is is
// named, of a release or a delivery who received it. What stays with one party is no provision.
func (f *file) provide(r *vault.Record, p *place, kind, from, to string) {
	n := f.version(p.entrustment, r.Seq)
	if n < 0 {
		return // of the operator's own data
	}
	under := f.versions[p.entrustment][n].record
	c := under.Contract
	if to == "" { // a file goes to who holds the room
		to = f.Operator
	}
	if from == "" {
		from = f.Operator
		if to == from { // who joined its data for the operator
			facts := entrustment.Facts{Contract: c, Parties: f.people}
			from = facts.ListOwner()
		}
	}
	if from == to || from == "" || to == "" {
		return
	}
	day := entrustment.DateOf(r.Time)
	f.Provisions = append(f.Provisions, wire.EvidenceProvision{Seq: r.Seq, At: utc(r.Time), Entrustment: c.ID, Version: under.Version, From: from, To: to,
		Country: f.country(c, to), Kind: kind, Items: items(c, kind), Basis: none(c.Basis), Keep: entrustment.DateOf(entrustment.Date{Year: day.Year + keepYears, Month: day.Month, Day: day.Day}.Start())})
}

// country gives where a party sits: as the contract has it, else as its document
// does.
func (f *file) country(c *entrustment.Contract, party string) entrustment.Country {
	if at, ok := c.Countries[party]; ok {
		return at
	}
	if p := f.people[party]; p != nil {
		return entrustment.Country{Country: p.Country}
	}
	return entrustment.Country{}
}

// items gives the categories that a contract declares for what is given.
func items(c *entrustment.Contract, kind string) []string {
	var out []string
	switch kind {
	case kindList:
		out = slices.Concat(c.Identifiers, c.ListColumns)
	case kindEvents:
		out = slices.Concat(c.Identifiers, c.Events)
	case kindDelivery: // who meets conditions on these
		out = slices.Concat(c.Identifiers, c.DeliverIdentifiers, c.DeliverAttributes)
		slices.Sort(out)
		out = slices.Compact(out)
	default: // a table of numbers, by these
		out = slices.Concat(c.Attributes, c.ListColumns, c.Events)
	}
	return none(out)
}

// approved is who signed a version of a contract.
type approved struct {
	statement *approval.Statement
	by        []wire.EvidenceApproval
	officers  []officer // whose approvals those are
}

// counted gives the signatures whose keys stood when the last that was needed came: one
// of a key that was replaced by then made nothing effective.
func (a *approved) counted(then *state) (out []wire.EvidenceApproval) {
	for i, by := range a.officers {
		if then.stands(by) {
			out = append(out, a.by[i])
		}
	}
	return out
}

type versionKey struct {
	id      string
	version int
}

// approvals finds the signatures by which versions of contracts became effective:
// for the parties of which officers sign, and the operator's officers. It follows
// whose keys stood when.
func (f *file) approvals(concerned map[string]bool) (map[versionKey]approved, error) {
	drafts, out := map[string]*approved{}, map[versionKey]approved{}
	then := &state{parties: map[string]*entrustment.Party{}, officerState: officerState{pinned: map[string]officer{}}}
	for i := range f.records {
		if err := f.approvalsOf(&f.records[i], concerned, then, drafts, out); err != nil {
			return nil, fmt.Errorf("reading entry %d of the record log: %w", f.records[i].Seq, err)
		}
	}
	return out, nil
}

// approvalsOf takes one entry in.
func (f *file) approvalsOf(r *vault.Record, concerned map[string]bool, then *state, drafts map[string]*approved, out map[versionKey]approved) error {
	switch r.Kind {
	case kindParty, kindCeremony:
		p, err := body[entrustment.Party](r)
		if err == nil {
			then.parties[p.ID] = p
			then.pin(p)
		}
		return err
	case kindDraft:
		d, err := body[draftRecord](r)
		if err != nil || d.Statement.Act != kindEntrust || !concerned[d.Statement.ID] {
			return err
		}
		var c entrustment.Contract
		if err := json.Unmarshal(d.Document, &c); err != nil || f.Party != "" && !slices.Contains(c.Signers(), f.Party) {
			return err
		}
		message, err := d.Statement.Message()
		if err == nil {
			drafts[approval.Hash(message)] = &approved{statement: &d.Statement}
		}
		return err
	case kindApproval:
		a, err := body[approvalRecord](r)
		if err != nil {
			return err
		}
		if d := drafts[a.Draft]; d != nil {
			by := then.pinned[a.Key]
			d.officers = append(d.officers, by)
			d.by = append(d.by, wire.EvidenceApproval{Party: a.Party, Officer: a.Officer, Key: a.Key, Origin: by.Origin, Signature: a.Signature, Seq: r.Seq, At: utc(r.Time)})
			if a.Act != nil {
				out[versionKey{d.statement.ID, d.statement.Version}] = approved{statement: d.statement, by: d.counted(then)}
			}
		}
		if a.Act != nil && a.Act.Kind == kindParty {
			return f.approvalsOf(&vault.Record{Kind: a.Act.Kind, Body: a.Act.Body}, concerned, then, drafts, out)
		}
	}
	return nil
}

// contract writes one version.
func (f *file) contract(v *kept[entrustRecord], approvals map[versionKey]approved) (wire.EvidenceContract, error) {
	c := v.record.Contract
	raw, err := json.Marshal(c)
	if err != nil {
		return wire.EvidenceContract{}, fmt.Errorf("writing a contract: %w", err)
	}
	sum := sha256.Sum256(raw)
	out := wire.EvidenceContract{Entrustment: c.ID, Version: v.record.Version, Seq: v.seq, At: utc(v.at), Document: hex.EncodeToString(sum[:]), Contract: c}
	if a, ok := approvals[versionKey{c.ID, v.record.Version}]; ok {
		out.Statement, out.Approvals = a.statement, a.by
	}
	return out, nil
}
