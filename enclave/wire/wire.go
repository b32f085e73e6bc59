// Package wire holds the requests that the enclave takes and the answers it
// gives. It is all that a room outside sees of it.
//
//	cmd, api ──request, who asks──▶ Enclave ──answer, or *entrustment.Error──▶
//
// An answer is a public fact, a validation of one party's own upload, or a
// Release that passed the gate. Nothing computed from both sides is in any
// other field (PRIVACY rule 11).
//
// The enclave may be a process of its own: Client asks it over a unix socket
// that Listen makes, and Serve answers there (docs/wire.md). The border trusts
// nothing that comes in: requests are parsed again, bounded, and refused where
// they say more than is understood. It keeps strangers out by the kernel's word
// alone; a process of the same user that was taken over can ask for anything
// that the interface has, as anybody.
package wire

import (
	"context"
	"io"
	"slices"
	"strings"

	"awase/crypto/seal"
	"awase/entrustment"
)

// Enclave is the isolated service, the only door out.
type Enclave interface {
	// AddParty adds a party, or replaces the one of the same id.
	AddParty(ctx context.Context, p *entrustment.Party) (Ack, error)
	// SetPolicies sets which policy versions let which flow use a user's data.
	SetPolicies(ctx context.Context, p *entrustment.Policies) (Ack, error)
	// SetGate sets the release gate's parameters from the document gate.yaml.
	SetGate(ctx context.Context, file string, doc []byte) (Ack, error)
	// Gate gives the parameters in force.
	Gate(ctx context.Context) (*Gate, error)
	// GateChanges says what SetGate would change, and changes nothing.
	GateChanges(ctx context.Context, file string, doc []byte) ([]GateChange, error)
	// Entrustments lists the ids of all entrustments. It is for the operator: the
	// parties of one are not to learn of the others.
	Entrustments(ctx context.Context) ([]string, error)
	// Entrust activates an entrustment, or its next version.
	Entrust(ctx context.Context, c *entrustment.Contract) (Ack, error)
	// Terms says what a file for an entrustment is sealed to; seal.BaseEntrustment
	// is the operator's own data.
	Terms(ctx context.Context, entrustmentID string) (Terms, error)
	// LoadBase makes a sealed file the identity base. The load is whole or
	// nothing.
	LoadBase(ctx context.Context, schema *entrustment.BaseSchema, sealed io.Reader) (BaseLoaded, error)
	// LoadList makes a sealed file, or what its header says it does to the version
	// before, the newest version of a list. Whole or nothing. A file that was loaded
	// before is not loaded again.
	LoadList(ctx context.Context, req ListRequest, sealed io.Reader) (ListLoaded, error)
	// LoadEvents adds a sealed event log. Whole or nothing; the same log again
	// adds nothing.
	LoadEvents(ctx context.Context, req EventsRequest, sealed io.Reader) (EventsLoaded, error)
	// Price says what a question costs, and what of the answer is likely to be
	// withheld if expect people are counted (0: the asker can't say). It charges
	// nothing.
	Price(ctx context.Context, q *entrustment.Question, expect int64) (Price, error)
	// Report charges the question, runs it through the gate and gives the
	// release; the same question again gives the same bytes, uncharged.
	Report(ctx context.Context, q *entrustment.Question) (*Release, error)
	// Reserve holds the price of a question, so that it can be asked later whatever
	// is asked in between.
	Reserve(ctx context.Context, req ReserveRequest) (Reserved, error)
	// Free gives a reservation up.
	Free(ctx context.Context, name string) (Reserved, error)
	// PriceReserved is Price of the question that a reservation holds.
	PriceReserved(ctx context.Context, name string, expect int64) (Price, error)
	// ReportReserved is Report of the question that a reservation holds, charged
	// to what is held.
	ReportReserved(ctx context.Context, name string) (*Release, error)
	// Ledger gives the statement of the privacy budgets: of the accounts of one
	// recipient group, or of all.
	Ledger(ctx context.Context, req LedgerRequest) (*Ledger, error)
	// AcceptClock believes the machine's clock after it jumped.
	AcceptClock(ctx context.Context) (ClockState, error)
	// LogKey gives the verifier key, of the note format, that receipts and
	// checkpoints are checked by.
	LogKey(ctx context.Context) (string, error)
	// LogProof gives, as JSON for awase verify, the proof that the record log of
	// to entries (0: all) begins with what it was when it had from.
	LogProof(ctx context.Context, from, to int64) ([]byte, error)
	// Attestation gives the signed JSON of what the enclave says of itself, for
	// receipt.VerifyAttestation: build, policy, keys, what confines it. nonce is the
	// asker's, 1 to 128 letters, digits, - and _.
	Attestation(ctx context.Context, nonce string) ([]byte, error)
	Officers
	Vault
	Catalogue
	Work
	Engines
	Subjects
	Disclosures
	Campaigns
	Evidence
	// Close ends the service; nothing acknowledged is lost without it.
	Close() error
}

// Ack says that an act stands in the record log, or that its draft does.
type Ack struct {
	ID      string `json:"id"`              // party, entrustment, …
	Version int    `json:"version"`         // 1 for the first
	Changed bool   `json:"changed"`         // false: the same document was there already
	Seq     int64  `json:"log_entry"`       // its entry of the record log
	Waits   *Draft `json:"waits,omitempty"` // the act is a draft, and has no effect before officers signed it
}

// Terms is what a file is sealed to: the enclave's key, and the address less
// name and upload id.
type Terms struct {
	Key         seal.PublicKey `json:"key"`
	Entrustment string         `json:"entrustment"`
	Version     int            `json:"version"`
	Party       string         `json:"party"` // that uploads
	// Loggers are the parties whose event logs are taken: Party, and receivers of
	// deliveries, whose files of that name are sealed as theirs.
	Loggers []string `json:"loggers,omitempty"`
}

// LogsOf gives what an event log of a party is sealed to, "": of Party. Its error is an
// *entrustment.Error.
func (t Terms) LogsOf(party string) (Terms, error) {
	switch {
	case party == "" || party == t.Party:
		return t, nil
	case slices.Contains(t.Loggers, party):
		t.Party = party
		return t, nil
	}
	refused := &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2", Field: "party",
		Detail: "no event log is taken here as one of " + entrustment.Quote(party), Mend: "the logs that are taken are of " + strings.Join(t.Loggers, ", ")}
	if len(t.Loggers) == 0 {
		refused.Mend = "the operator's own log is under no entrustment, and another's under one"
		return t, refused
	}
	return t, refused.By(entrustment.ContractClause{ID: t.Entrustment, Version: t.Version, Clause: "basis"})
}

// ListRequest names the list a file becomes.
type ListRequest struct {
	Entrustment string `json:"entrustment"`
	Name        string `json:"name"`
}

// BaseLoaded is what the operator is told of its own load.
type BaseLoaded struct {
	Ack
	Users int64 `json:"users"`
	// LongKeys: a user key is longer than a delivery has room for, so nothing is
	// delivered to the channels that the base declares.
	LongKeys bool `json:"long_keys,omitempty"`
}

// ListLoaded is what the uploading party is told of its own list. It holds
// nothing of the match.
type ListLoaded struct {
	Ack
	Change  seal.Change `json:"change"`            // what the file did: ListReplaced, seal.Add or seal.Remove
	Added   *int64      `json:"added,omitempty"`   // rows that were not there before; nil: not known
	Removed *int64      `json:"removed,omitempty"` // rows that are not there any more; nil: not known
	Rows    int64       `json:"rows"`              // distinct rows
	Tokens  int64       `json:"tokens"`            // distinct identifiers
	Floor   int64       `json:"floor"`             // reports need at least this many identifiers
}

// EventsRequest names whose event log a file is: a party's under an entrustment,
// or, where it is empty, the operator's own.
type EventsRequest struct {
	Entrustment string `json:"entrustment"`
	// Party is one of the Loggers of the terms; "": that whose lists are joined. The
	// file is opened as this party's and no other's.
	Party string `json:"party,omitempty"`
}

// EventsLoaded is what the uploading party is told of its own log.
type EventsLoaded struct {
	Ack
	Rows     int64            `json:"rows"`
	From     entrustment.Date `json:"from"` // JST days that occur
	To       entrustment.Date `json:"to"`
	Party    string           `json:"party"`    // whose log it is
	Replaced int              `json:"replaced"` // logs before it whose place it takes
	Before   int64            `json:"before"`   // rows of the party's other logs that stand under the same entrustment
	Overlaps bool             `json:"overlaps"` // they hold events of days on which this one has some too

	// Of a log by its party's own keys of a list.
	List        string `json:"list,omitempty"`
	ListVersion int    `json:"list_version,omitempty"` // whose keys were read
	Unknown     int64  `json:"unknown,omitempty"`      // rows left out, not among Rows: their keys are not on it
}

// Price is what a question costs, from public facts alone (PRIVACY rule 11).
type Price struct {
	Rho       float64         `json:"rho"`   // this question, all its tables
	Delta     float64         `json:"delta"` //
	Charged   float64         `json:"charged"`
	Tables    []TablePrice    `json:"tables"`
	Accounts  []AccountStatus `json:"accounts"`
	Sigma     int             `json:"sigma"`
	Tau       int64           `json:"tau"`
	K         int64           `json:"k,omitempty"` // 0: with the noisy lock alone
	Terms     int             `json:"terms"`       // a number of people carries noise of σ·√Terms
	Precision int64           `json:"precision"`   // 95 % interval half-width of a cell
	Cells     int             `json:"cells"`
	Notes     []string        `json:"notes,omitempty"` // what is worth knowing before it is charged: the Note constants
	Forecast  *Forecast       `json:"forecast,omitempty"`
	Short     *Short          `json:"short,omitempty"`   // nil: it fits now
	Stopped   *Short          `json:"stopped,omitempty"` // why nothing, or nothing new, is released now; nil: it is
	// Question is that of a reservation, canonical.
	Question *entrustment.Question `json:"question,omitempty"`
	HeldBy   string                `json:"held_by,omitempty"` // likewise: the party whose people made it, "": who keeps the vault
}

// Short says why a question can't be asked now, in the words of its refusal. Of
// E_BUDGET that is what it costs and what is left, and the questions like it that
// fit, or when it fits itself.
type Short struct {
	Detail string `json:"detail"`
	Mend   string `json:"mend"`
}

// Notes of a price, each a function of the question and of what stands in the record log
// for all sides of the contract.
const (
	// NoteIndexAlone: the condition leaves one cell of the table, or none, so that
	// the charged index will show nothing.
	NoteIndexAlone = "index-of-one-cell"
	// NoteIndexPart: the condition leaves cells of the table empty, and the index
	// compares what is left with all users.
	NoteIndexPart = "index-of-a-part"
	// NoteEventsExpired: an event log that the question could have read expired, and it
	// is answered from those that are there.
	NoteEventsExpired = "events-expired"
	// NoteLiftUnknown: how sure the lift report will be can't be told, for the campaign
	// states no rate of conversion, or nobody said how many people are in its audience.
	NoteLiftUnknown = "lift-unknown"
	// NoteLiftWithheld: so few of those held out are expected to convert that their number
	// may well be withheld.
	NoteLiftWithheld = "lift-withheld"
	// NoteLiftSmall: fewer than five times the noise are expected to, and the lift report
	// will say little (PRIVACY rule 13).
	NoteLiftSmall = "lift-small"
)

// Forecast says what of an answer is likely to be withheld, from public shares
// and what the asker knows.
type Forecast struct {
	People   int64    `json:"people"` // that the answer counts
	Stated   bool     `json:"stated"` // the asker said how many; else everybody of their list
	Withheld int      `json:"withheld"`
	Missing  []string `json:"missing,omitempty"` // attributes of the base without public shares: there is no forecast
	Unknown  []string `json:"unknown,omitempty"` // what nobody declares shares of, there is no forecast: the Unknown constants, or a column of the list
}

// What keeps a forecast from being made beside attributes without shares.
const (
	UnknownList    = "list in the condition"
	UnknownEvents  = "events in the condition"
	UnknownMany    = "combinations of values"
	UnknownReached = "who is reached"
)

// TablePrice is the price of one table of a question.
type TablePrice struct {
	Name string  `json:"name"` // table | index | cube | converters
	Rho  float64 `json:"rho"`
	Paid bool    `json:"paid"` // stored already and paid for: free
}

// AccountStatus is one budget account before and after a question.
type AccountStatus struct {
	Recipient string  `json:"recipient"` // recipient group
	Owner     string  `json:"owner"`     // group whose users are counted
	Window    string  `json:"window"`    // "30d" | "365d"
	Spent     float64 `json:"spent"`
	Limit     float64 `json:"limit"`
	Due       float64 `json:"due"` // of this question; 0: this account owes nothing for it
}
