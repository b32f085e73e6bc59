package enclave

import (
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"awase/aggregator"
	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/vault"
	"awase/entrustment"
	"awase/matcher"
)

// Kinds of records.
const (
	kindParty    = "party"
	kindPolicies = "policies"
	kindGate     = "gate"
	kindEntrust  = "entrust"
	kindBase     = "base"
	kindList     = "list"
	kindEvents   = "events"
	kindUpload   = "upload"
	kindCharge   = "charge"
	kindTable    = "table"
	kindAlarm    = "alarm"
	kindReserve  = "reserve"
	kindFree     = "free"
	kindRefusal  = "refusal"
	kindEnd      = receipt.EndKind
	kindRotation = receipt.RotationKind
	kindRequest  = receipt.RequestKind
	kindBackup   = "backup"
	kindLost     = "lost"
	kindConfirm  = "confirm"
	kindReport   = receipt.EntryKind
	kindEngine   = receipt.EngineKind
	kindDropped  = receipt.DroppedKind
	kindExpired  = "expired"
	kindForget   = "forget"
)

// gateRecord is the document of a gate policy as it was given.
type gateRecord struct {
	Document string `json:"document"`
}

// entrustRecord activates a version of an entrustment.
type entrustRecord struct {
	Contract *entrustment.Contract `json:"contract"`
	Version  int                   `json:"version"`
}

// clause names a clause of the contract.
func (r *entrustRecord) clause(key string) entrustment.ContractClause {
	return entrustment.ContractClause{ID: r.Contract.ID, Version: r.Version, Clause: key}
}

// baseRecord makes a segment the identity base.
type baseRecord struct {
	Schema     *entrustment.BaseSchema `json:"schema"`
	Columns    []matcher.Column        `json:"columns"` // the attributes that were loaded: no sensitive one, and no opt-in
	Segment    vault.SegmentRef        `json:"segment"`
	Population hexID                   `json:"population"`
	Users      int64                   `json:"users"`
	Version    int                     `json:"version"`
	Upload     uploadID                `json:"upload"`
	Lifted     *liftedRecord           `json:"lifted,omitempty"` // whose requests it lifts; nil: there were none

	Particulars *particularsRecord `json:"particulars,omitempty"` // for disclosures; nil: of a base that an older version loaded

	OptIns   []matcher.Column `json:"opt_ins,omitempty"`   // of the channels, after Columns; none: there are none, or an older version loaded it
	UserKeys *userKeysRecord  `json:"user_keys,omitempty"` // for the channels; nil likewise
	Hashes   []hashesRecord   `json:"hashes,omitempty"`    // of the kinds that contracts name to be delivered, by kind
}

// engineColumns are the columns of the base as the engines have it.
func (b *baseRecord) engineColumns() []matcher.Column { return slices.Concat(b.Columns, b.OptIns) }

// listRecord makes a segment the newest version of a list.
type listRecord struct {
	Entrustment string           `json:"entrustment"`
	Name        string           `json:"name"`
	Version     int              `json:"version"`
	Under       int              `json:"under"` // version of the entrustment
	Party       string           `json:"party"` // whose list it is
	Segment     vault.SegmentRef `json:"segment"`
	RowSegment  vault.SegmentRef `json:"row_segment"` // its canonical rows, for the next version
	ID          hexID            `json:"list"`        // keyed hash of the content: a commitment, not an identifier
	Kinds       []string         `json:"kinds"`
	Columns     []matcher.Column `json:"columns"`
	Rows        int64            `json:"rows"`
	Tokens      int64            `json:"tokens"`
	Change      seal.Change      `json:"change,omitempty"` // what the file did to the version before
	Upload      uploadID         `json:"upload"`           // of the sealed file: never taken again
	Keys        *keysRecord      `json:"keys,omitempty"`   // what deliveries are made out to; nil: the entrustment delivers nothing
	Diff        *listDiff        `json:"diff,omitempty"`   // of a version that took the place of another; nil: not known
}

// refs gives the segments of a list.
func (l *listRecord) refs() []vault.SegmentRef {
	out := []vault.SegmentRef{l.Segment, l.RowSegment}
	if l.Keys != nil {
		out = append(out, l.Keys.Segment)
	}
	return out
}

// uploadID is the random id of one sealed file.
type uploadID [16]byte

// upload says what a sealed file became. It is a record of its own where the
// content was there already: the file is used up all the same, or a carrier
// could bring it back after the next version (attack A31).
type upload struct {
	ID      uploadID `json:"id"`
	Became  string   `json:"became"`
	Content hexID    `json:"content"`         // keyed digest, as in the record of what it became
	Under   int      `json:"under,omitempty"` // version of the entrustment
}

// uploadRecord is an upload that became what was there.
type uploadRecord struct {
	upload
	Renews bool `json:"renews,omitempty"` // the file was the whole content, whose clock begins again
}

// MarshalText gives the id in hex.
func (u uploadID) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(u[:])), nil }

// UnmarshalText reads the id from hex.
func (u *uploadID) UnmarshalText(b []byte) error {
	if len(b) != 2*len(u) {
		return errors.New("an upload id has 32 hex digits")
	}
	_, err := hex.Decode(u[:], b)
	return err
}

// chargeRecord is written before anything is counted.
type chargeRecord struct {
	Charges []aggregator.Charge `json:"charges"`
}

// freeRecord says that a reservation was given up.
type freeRecord struct {
	Name string `json:"name"`
}

// refusalRecord says that an act was refused, and by what.
type refusalRecord struct {
	Act         string           `json:"act"`
	Entrustment string           `json:"entrustment,omitempty"`
	Code        entrustment.Code `json:"code"`
	Clause      string           `json:"clause,omitempty"`

	Contract entrustment.ContractClause `json:"contract,omitzero"` // its clause that decided

	AskedBy string `json:"asked_by,omitempty"` // of a question: the party; "": of none that asked over the service
	Of      string `json:"of,omitempty"`       // of a file: the party; "": that whose lists are joined
}

// reportRecord says that a release was made out to a recipient. It is the log
// entry that a receipt proves.
type reportRecord struct {
	Key         hexID               `json:"key"` // of the question as asked
	Entrustment string              `json:"entrustment"`
	Version     int                 `json:"version"`
	Recipient   string              `json:"recipient"`
	Specs       []aggregator.SpecID `json:"specs"`
	Policy      aggregator.PolicyV  `json:"policy"`
	Table       string              `json:"table"` // SHA-256 in hex of the release without its receipt
	RhoNano     int64               `json:"rho_nano"`
	DeltaE15    int64               `json:"delta_e15"`
	Confinement string              `json:"confinement"` // of the process that made it, as the receipt says it
	Segment     vault.SegmentRef    `json:"segment"`
	AskedBy     string              `json:"asked_by,omitempty"` // as a refusal's
	// Asked names the question and its reader, whatever was read for it: what was
	// released last for it is readable when nothing new can be asked.
	Asked    hexID  `json:"asked,omitzero"`
	Campaign string `json:"campaign,omitempty"` // whose results it tells
	// Cube is the question of a planning cube, for sizes to be answered from it.
	Cube *entrustment.Question `json:"cube,omitempty"`

	at time.Time // of its record
}

type listKey struct{ entrustment, name string }

// what names a list as what an upload became.
func (k listKey) what() string { return kindList + " " + k.entrustment + "/" + k.name }

func (l *listRecord) what() string { return listKey{l.Entrustment, l.Name}.what() }
