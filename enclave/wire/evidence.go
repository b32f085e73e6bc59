package wire

import (
	"context"

	"awase/crypto/approval"
	"awase/entrustment"
)

// EvidenceSchema is the schema name of the evidence of an entrustment or of an
// incident.
const EvidenceSchema = "awase.evidence/v1"

// MaxEvidence is how many entries of the record log one file of evidence holds. A
// longer one is asked for in periods.
const MaxEvidence = 5000

// MaxEvidenceBytes is how many bytes what those entries say may have together: a file is
// laid out in two languages and in print, and who verifies it lays it out again.
const MaxEvidenceBytes = 8 << 20

// Evidence is what the enclave gives in evidence of how data was handled.
type Evidence interface {
	// Evidence gives the signed JSON of an EvidenceFile, for awase verify. The same
	// question of the same log gives the same bytes.
	Evidence(ctx context.Context, req EvidenceRequest) ([]byte, error)
}

// EvidenceRequest says of what evidence is asked.
type EvidenceRequest struct {
	Entrustment string           `json:"entrustment,omitempty"` // "": an incident, of the whole room, in a period
	Party       string           `json:"party,omitempty"`       // whose people ask; "": the operator's privacy officers and auditors
	From        entrustment.Date `json:"from,omitzero"`         // the first JST day; zero: the beginning
	To          entrustment.Date `json:"to,omitzero"`           // the last JST day; zero: until now
}

// EvidenceFile is what stands in a file of evidence, as JSON on one line that ends
// with its signature. It holds no more than who asks may read elsewhere.
type EvidenceFile struct {
	Schema      string             `json:"schema"`
	Entrustment string             `json:"entrustment,omitempty"` // "": an incident
	Party       string             `json:"party,omitempty"`       // whom it is for; "": the operator's privacy officers and auditors
	Operator    string             `json:"operator,omitempty"`
	From        entrustment.Date   `json:"from,omitzero"`
	To          entrustment.Date   `json:"to,omitzero"`
	At          string             `json:"at"` // of the newest entry of the log: it says nothing of later
	Dev         bool               `json:"dev,omitempty"`
	Practice    bool               `json:"practice,omitempty"` // the people are made up
	Key         []byte             `json:"key"`                // Ed25519: signs this, the checkpoint, the certificates, the attestation
	Size        int64              `json:"size"`               // entries in the log
	Checkpoint  string             `json:"checkpoint"`         // of the log of that size
	Parties     []EvidenceParty    `json:"parties"`
	Contracts   []EvidenceContract `json:"contracts"`
	Entries     []EvidenceEntry    `json:"entries"` // of the period, oldest first
	Uploads     []EvidenceUpload   `json:"uploads"` // of those entries
	// Held is what the room held when the period of an incident began, by entries of
	// before: no proof of those is in the file.
	Held        []EvidenceUpload      `json:"held,omitempty"`
	SubTrustees []EvidenceSubTrustee  `json:"sub_trustees"`
	Asks        []EvidenceAsk         `json:"asks"`       // of those entries, by who asked, as far as it is shown
	Releases    []EvidenceRelease     `json:"releases"`   // likewise
	Accounts    []EvidenceAccount     `json:"accounts"`   // what was charged in them, as far as it is shown
	Provisions  []EvidenceProvision   `json:"provisions"` // records of APPI articles 29 and 30
	Ends        []EvidenceCertificate `json:"ends"`
	Attestation string                `json:"attestation"` // JSON; its nonce is EvidenceNonce of the checkpoint
}

// EvidenceParty is a party that stands in the evidence.
type EvidenceParty struct {
	ID      string                 `json:"id"`
	Class   entrustment.PartyClass `json:"class"`
	Country string                 `json:"country"`
	// Delivery and Serving are the fingerprints of its delivery and serving key; "": none is pinned.
	Delivery string `json:"delivery_fingerprint,omitempty"`
	Serving  string `json:"serving_fingerprint,omitempty"`
}

// EvidenceContract is one version of a contract, with who approved it.
type EvidenceContract struct {
	Entrustment string                `json:"entrustment"`
	Version     int                   `json:"version"`
	Seq         int64                 `json:"log_entry"` // that made it effective
	At          string                `json:"at"`
	Document    string                `json:"document"` // SHA-256 in hex of its canonical JSON
	Contract    *entrustment.Contract `json:"contract"`
	// Statement is what its officers signed; nil: nobody signs in a dev vault, or the
	// reader is not of a party that does.
	Statement *approval.Statement `json:"statement,omitempty"`
	Approvals []EvidenceApproval  `json:"approvals,omitempty"`
}

// EvidenceApproval is one officer's signature of a version.
type EvidenceApproval struct {
	Party     string             `json:"party"`
	Officer   string             `json:"officer"`
	Key       string             `json:"key"`              // as party.yaml has it
	Origin    string             `json:"origin,omitempty"` // of a passkey: the page that it signed on
	Signature approval.Signature `json:"signature"`
	Seq       int64              `json:"log_entry"`
	At        string             `json:"at"`
}

// EvidenceEntry is an entry of the log with its place in the tree of the
// checkpoint.
type EvidenceEntry struct {
	LogEntry
	Path [][]byte `json:"path"` // RFC 6962 audit path
}

// EvidenceUpload is a file that was taken.
type EvidenceUpload struct {
	Seq         int64  `json:"log_entry"`
	At          string `json:"at"`
	Party       string `json:"party"`
	Entrustment string `json:"entrustment,omitempty"`
	Kind        string `json:"kind"` // list | events | base
	Name        string `json:"name,omitempty"`
	Version     int    `json:"version"`
	Rows        int64  `json:"rows,omitempty"` // of one's own; of an incident, of all
}

// EvidenceSubTrustee is a sub-trustee of a version of a contract, and what came of what
// its people asked under it, in the period and as far as it is shown.
type EvidenceSubTrustee struct {
	Entrustment string              `json:"entrustment"`
	Version     int                 `json:"version"` // of the contract
	Party       string              `json:"party"`
	Country     entrustment.Country `json:"country"` // with the ground abroad
	Work        []entrustment.Work  `json:"work"`
	Consent     string              `json:"consent"` // hash of the principal's consent
	From        entrustment.Date    `json:"from"`    // the JST days, the contract's own where it names none
	Until       entrustment.Date    `json:"until"`
	Charges     int                 `json:"charges"`
	Releases    int                 `json:"releases"`
	Refusals    int                 `json:"refusals"`
}

// EvidenceAsk is what came of a question: it was charged, released, or refused. The same
// question again, which is free, is no entry of the log.
type EvidenceAsk struct {
	Seq         int64            `json:"log_entry"`
	At          string           `json:"at"`
	Entrustment string           `json:"entrustment"`
	Party       string           `json:"party"`            // whose people asked
	Act         string           `json:"act"`              // charge | release | refusal
	Report      string           `json:"report,omitempty"` // of a charge
	Recipient   string           `json:"recipient,omitempty"`
	Code        entrustment.Code `json:"code,omitempty"`   // of a refusal
	Clause      string           `json:"clause,omitempty"` // of the contract, that decided it
}

// EvidenceRelease is a table that passed the gate.
type EvidenceRelease struct {
	Seq         int64  `json:"log_entry"`
	At          string `json:"at"`
	Entrustment string `json:"entrustment"`
	Version     int    `json:"version"` // of the contract
	Recipient   string `json:"recipient"`
	Table       string `json:"table,omitempty"` // SHA-256 in hex, for its recipient, as the rest
	RhoNano     int64  `json:"rho_nano,omitempty"`
	DeltaE15    int64  `json:"delta_e15,omitempty"`
	Confinement string `json:"confinement,omitempty"`
}

// EvidenceAccount is what was charged to one budget account.
type EvidenceAccount struct {
	Recipient string `json:"recipient"` // group
	Owner     string `json:"owner"`     // of the data
	Charges   int    `json:"charges"`
	RhoNano   int64  `json:"rho_nano"`
	DeltaE15  int64  `json:"delta_e15"`
}

// EvidenceProvision records that one party gave something to another: who gave
// keeps it under article 29 of the APPI, who got it under article 30.
type EvidenceProvision struct {
	Seq         int64               `json:"log_entry"`
	At          string              `json:"at"`
	Entrustment string              `json:"entrustment"`
	Version     int                 `json:"version"` // of the contract
	From        string              `json:"from"`
	To          string              `json:"to"`
	Country     entrustment.Country `json:"country"` // of who got it, with the ground abroad
	Kind        string              `json:"kind"`    // list | events | release | delivery
	Items       []string            `json:"items"`   // categories that the contract declares
	Basis       []entrustment.Basis `json:"basis"`
	Keep        entrustment.Date    `json:"keep"` // at least to this JST day: three years
}

// EvidenceCertificate is a certificate of destruction.
type EvidenceCertificate struct {
	Entrustment string `json:"entrustment"`
	Certificate string `json:"certificate"` // JSON, for awase verify by itself too
}

var evidence = route[EvidenceRequest, []byte]{"evidence", func(ctx context.Context, e Enclave, q *EvidenceRequest) ([]byte, error) {
	return e.Evidence(ctx, *q)
}}

// onEvidence answers the route of Evidence.
func onEvidence(h *handler) { on(h, evidence) }

// Evidence gives the evidence of an entrustment or of an incident.
func (c *Client) Evidence(ctx context.Context, req EvidenceRequest) ([]byte, error) {
	return ask(ctx, c, evidence, &req)
}
