package wire

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"awase/crypto/seal"
	"awase/entrustment"
)

// Catalogue is what the room knows of its parties, entrustments, lists and log:
// documents that parties wrote, and facts of one party's own uploads. Who asks
// filters by party: the enclave does not know people.
type Catalogue interface {
	// Room tells what state the room is in.
	Room(ctx context.Context) (Room, error)
	// Parties gives all parties, by id.
	Parties(ctx context.Context) ([]PartyInfo, error)
	// Contracts gives all entrustments, ended ones too, by id, each with its newest
	// version alone.
	Contracts(ctx context.Context) ([]EntrustmentInfo, error)
	// Entrustment gives one entrustment with its versions, ended ones too.
	Entrustment(ctx context.Context, id string) (EntrustmentInfo, error)
	// Policies gives the policies in force; nil: none were set.
	Policies(ctx context.Context) (*entrustment.Policies, error)
	// Lists gives the lists of an entrustment that stand, by name, newest version
	// first.
	Lists(ctx context.Context, entrustmentID string) ([]ListInfo, error)
	// EventLogs gives the event logs of an entrustment; "" those of the operator's own.
	EventLogs(ctx context.Context, entrustmentID string) ([]EventsInfo, error)
	// Retention gives what expires under an entrustment, soonest first. It names the
	// party of each thing, and no numbers of it.
	Retention(ctx context.Context, entrustmentID string) ([]Expiry, error)
	// Bases gives the loads of the identity base, newest first: the first stands.
	Bases(ctx context.Context) ([]BaseInfo, error)
	// Log gives entries of the record log that a party may read, oldest first, with
	// as much of each as it may.
	Log(ctx context.Context, req LogRequest) (LogPage, error)
	// Inclusion gives, as JSON for awase verify, the proof that an entry stands in
	// the log of a checkpoint of now. It names the entry by the hash of its leaf, so
	// anybody may have it.
	Inclusion(ctx context.Context, seq int64) ([]byte, error)
	// Checkpoint gives the signed checkpoint of the log, a note (C2SP tlog-checkpoint).
	Checkpoint(ctx context.Context) ([]byte, error)
}

// Room is the state of the room.
type Room struct {
	Operator string `json:"operator"` // the operator's party; "": none is there yet
	// Initialised tells that officers sign (awase init), or that it is a dev vault.
	// Until then nothing of DESIGN §2 rule 9 can be activated.
	Initialised bool       `json:"initialised"`
	Officers    bool       `json:"officers"` // their signatures are asked
	Practice    bool       `json:"practice"` // made-up people: every release says so
	Frozen      bool       `json:"frozen"`
	Clock       *ClockJump `json:"clock,omitempty"` // a jump that waits to be accepted
	Confinement string     `json:"confinement"`     // as in receipts
	Now         string     `json:"now"`             // RFC 3339, UTC: the vault's time
	Seq         int64      `json:"log_entry"`       // the newest entry
}

// PartyInfo is a party as it stands.
type PartyInfo struct {
	Party   *entrustment.Party `json:"party"`
	Version int                `json:"version"`
	Seq     int64              `json:"log_entry"`
	At      string             `json:"at"` // RFC 3339, UTC
	// Delivery and Serving are the fingerprints of its delivery and serving key; "": none is pinned.
	Delivery string `json:"delivery_fingerprint,omitempty"`
	Serving  string `json:"serving_fingerprint,omitempty"`
}

// The states of an entrustment, and of its versions. One whose draft waits has none yet:
// the draft has (DraftNew).
const (
	StateUpcoming  = "upcoming"  // approved, before its first day
	StateActive    = "active"    // approved, and its days run
	StateAmended   = "amended"   // a version that another took the place of
	StateExpired   = "expired"   // past its last day; its reports stand until they expire, and it ends
	StateEnded     = "ended"     // and its data not destroyed everywhere yet: its certificate says where
	StateDestroyed = "destroyed" // ended, and the certificate says that nothing of its data is left
)

// Over tells whether a state is one of an entrustment that ended.
func Over(state string) bool { return state == StateEnded || state == StateDestroyed }

// EntrustmentInfo is an entrustment with its versions.
type EntrustmentInfo struct {
	ID       string               `json:"id"`
	State    string               `json:"state"` // of the newest version
	Version  int                  `json:"version"`
	Versions []EntrustmentVersion `json:"versions"` // newest first
	// EndsAt is when it ends by its own terms, unless it is amended; "": it ended.
	EndsAt string `json:"ends_at,omitempty"`
	// EndedAt is when it ended; "": it did not.
	EndedAt string `json:"ended_at,omitempty"`
}

// Gone is how what is asked under an entrustment that ended is refused.
func (in *EntrustmentInfo) Gone() *entrustment.Error {
	at, err := time.Parse(time.RFC3339, in.EndedAt)
	if err != nil { // of a room that does not say
		return Ended(in.ID, time.Time{})
	}
	return Ended(in.ID, at)
}

// Ended is how what is asked under an entrustment is refused that ended at a moment,
// zero where that is not known.
func Ended(id string, at time.Time) *entrustment.Error {
	when := ""
	if !at.IsZero() {
		when = " at " + entrustment.Moment(at)
	}
	return &entrustment.Error{Code: entrustment.CodeGone, Clause: "DESIGN §2 rule 1", Field: "entrustment",
		Detail: fmt.Sprintf("the entrustment %s ended%s, and its data was destroyed", id, when),
		Mend:   "awase entrustment certificate shows what was destroyed; a new contract needs an id of its own"}
}

// EntrustmentVersion is one version of a contract.
type EntrustmentVersion struct {
	Version  int                   `json:"version"`
	State    string                `json:"state"` // amended, where another version took its place; else as follows
	Contract *entrustment.Contract `json:"contract"`
	Seq      int64                 `json:"log_entry"`
	At       string                `json:"at"`
}

// ListInfo is a list with its versions.
type ListInfo struct {
	Name     string        `json:"name"`
	Party    string        `json:"party"`    // whose list it is: the numbers are for it alone
	Versions []ListVersion `json:"versions"` // newest first
	// ExpiresAt is when the newest is destroyed (RFC 3339, UTC).
	ExpiresAt string `json:"expires_at"`
}

// Expiry is when one thing under an entrustment is destroyed, or was.
type Expiry struct {
	What      string `json:"what"`              // list | events | report
	Name      string `json:"name,omitempty"`    // of a list
	Version   int    `json:"version,omitempty"` // of a list, or an event log
	Party     string `json:"party"`             // who uploaded it, or to whom it was released
	Seq       int64  `json:"log_entry"`         // by which it is there
	Clause    string `json:"clause"`            // of the contract: retention.lists | retention.events | retention.reports | until
	Days      string `json:"days,omitempty"`    // that the clause gives: "90d"; of until none
	Since     string `json:"since"`             // RFC 3339, UTC: of its last whole upload, or its release
	ExpiresAt string `json:"expires_at"`        // RFC 3339, UTC

	ExpiredAt   string `json:"expired_at,omitempty"`   // when it did; "": it is there
	ExpiryEntry int64  `json:"expiry_entry,omitempty"` // that says so
	// Outside is receipt.DropPending, receipt.Dropped or receipt.ClusterLost, of what
	// ClickHouse may have held when it expired; "": it can't have been there.
	Outside   string `json:"outside,omitempty"`
	DroppedAt string `json:"dropped_at,omitempty"` // when every shard had said that it holds nothing of it
}

// ListReplaced is seal.Replace, which a sealed file leaves out, as people read it.
const ListReplaced seal.Change = "replace"

// ListVersion is what the uploading party is told of a version of its own list.
type ListVersion struct {
	Version int         `json:"version"`
	Under   int         `json:"entrustment_version"` // of the contract that it was loaded under
	Change  seal.Change `json:"change"`              // ListReplaced, seal.Add or seal.Remove
	Rows    int64       `json:"rows"`
	Tokens  int64       `json:"tokens"`
	Added   *int64      `json:"added,omitempty"`   // rows that were not in the version before; nil: not known
	Removed *int64      `json:"removed,omitempty"` // rows of that one which are not in this; nil: not known
	Columns []Dim       `json:"columns,omitempty"` // declared columns with their domains
	Seq     int64       `json:"log_entry"`
	At      string      `json:"at"`
}

// EventsInfo is one event log that stands.
type EventsInfo struct {
	Version int              `json:"version"`
	Under   int              `json:"entrustment_version,omitempty"` // likewise; of the operator's own there is none
	Party   string           `json:"party"`
	Rows    int64            `json:"rows"`
	From    entrustment.Date `json:"from"`
	To      entrustment.Date `json:"to"`
	Seq     int64            `json:"log_entry"`
	At      string           `json:"at"`
	// ExpiresAt is when it is destroyed (RFC 3339, UTC); "" of the operator's own.
	ExpiresAt string `json:"expires_at,omitempty"`
}

// BaseInfo is one load of the base.
type BaseInfo struct {
	Version int                     `json:"version"`
	Users   int64                   `json:"users"`
	Schema  *entrustment.BaseSchema `json:"schema"`
	Seq     int64                   `json:"log_entry"`
	At      string                  `json:"at"`
}

// LogRequest says which entries are asked.
type LogRequest struct {
	Party string `json:"party"` // entries that concern it; "": all, for officers of the operator
	From  int64  `json:"from"`  // the first entry, counted from 0
	Limit int    `json:"limit"` // at most 500, which 0 is too
}

// LogPage is a run of entries.
type LogPage struct {
	Entries []LogEntry `json:"entries"`
	Next    int64      `json:"next,omitempty"` // From of the next page; 0: there is none
	Size    int64      `json:"size"`           // entries in the log
}

// LogEntry is one act as a person reads it.
type LogEntry struct {
	Seq         int64           `json:"seq"`
	At          string          `json:"at"`
	Kind        string          `json:"kind"`
	Party       string          `json:"party,omitempty"`
	Entrustment string          `json:"entrustment,omitempty"`
	Detail      json.RawMessage `json:"detail,omitempty"` // what of the record its reader may read; no personal data
	Leaf        string          `json:"leaf"`             // hash of its leaf, hex
}

type (
	entryRequest struct {
		Seq int64 `json:"seq"`
	}
	// policiesAnswer is Policies where there may be none.
	policiesAnswer struct {
		Policies *entrustment.Policies `json:"policies,omitempty"`
	}
)

var (
	room = route[nothing, Room]{"room", func(ctx context.Context, e Enclave, _ *nothing) (Room, error) {
		return e.Room(ctx)
	}}
	parties = route[nothing, []PartyInfo]{"parties", func(ctx context.Context, e Enclave, _ *nothing) ([]PartyInfo, error) {
		return e.Parties(ctx)
	}}
	contracts = route[nothing, []EntrustmentInfo]{"contracts", func(ctx context.Context, e Enclave, _ *nothing) ([]EntrustmentInfo, error) {
		return e.Contracts(ctx)
	}}
	entrustmentInfo = route[entrustmentRequest, EntrustmentInfo]{"entrustment", func(ctx context.Context, e Enclave, q *entrustmentRequest) (EntrustmentInfo, error) {
		return e.Entrustment(ctx, q.Entrustment)
	}}
	policies = route[nothing, policiesAnswer]{"policies", func(ctx context.Context, e Enclave, _ *nothing) (policiesAnswer, error) {
		p, err := e.Policies(ctx)
		return policiesAnswer{p}, err
	}}
	lists = route[entrustmentRequest, []ListInfo]{"lists", func(ctx context.Context, e Enclave, q *entrustmentRequest) ([]ListInfo, error) {
		return e.Lists(ctx, q.Entrustment)
	}}
	retention = route[entrustmentRequest, []Expiry]{"retention", func(ctx context.Context, e Enclave, q *entrustmentRequest) ([]Expiry, error) {
		return e.Retention(ctx, q.Entrustment)
	}}
	eventLogs = route[entrustmentRequest, []EventsInfo]{"event-logs", func(ctx context.Context, e Enclave, q *entrustmentRequest) ([]EventsInfo, error) {
		return e.EventLogs(ctx, q.Entrustment)
	}}
	bases = route[nothing, []BaseInfo]{"bases", func(ctx context.Context, e Enclave, _ *nothing) ([]BaseInfo, error) {
		return e.Bases(ctx)
	}}
	logPage = route[LogRequest, LogPage]{"log", func(ctx context.Context, e Enclave, q *LogRequest) (LogPage, error) {
		return e.Log(ctx, *q)
	}}
	inclusion = route[entryRequest, []byte]{"inclusion", func(ctx context.Context, e Enclave, q *entryRequest) ([]byte, error) {
		return e.Inclusion(ctx, q.Seq)
	}}
	checkpoint = route[nothing, []byte]{"checkpoint", func(ctx context.Context, e Enclave, _ *nothing) ([]byte, error) {
		return e.Checkpoint(ctx)
	}}
)

// onCatalogue answers the routes of Catalogue.
func onCatalogue(h *handler) {
	on(h, room)
	on(h, parties)
	on(h, contracts)
	on(h, entrustmentInfo)
	on(h, policies)
	on(h, lists)
	on(h, eventLogs)
	on(h, retention)
	on(h, bases)
	on(h, logPage)
	on(h, inclusion)
	on(h, checkpoint)
}

// Room tells what state the room is in.
func (c *Client) Room(ctx context.Context) (Room, error) { return ask(ctx, c, room, &nothing{}) }

// Parties gives all parties.
func (c *Client) Parties(ctx context.Context) ([]PartyInfo, error) {
	return ask(ctx, c, parties, &nothing{})
}

// Contracts gives all entrustments with their newest versions.
func (c *Client) Contracts(ctx context.Context) ([]EntrustmentInfo, error) {
	return ask(ctx, c, contracts, &nothing{})
}

// Entrustment gives one entrustment with its versions.
func (c *Client) Entrustment(ctx context.Context, id string) (EntrustmentInfo, error) {
	return ask(ctx, c, entrustmentInfo, &entrustmentRequest{id})
}

// Policies gives the policies in force; nil: none were set.
func (c *Client) Policies(ctx context.Context) (*entrustment.Policies, error) {
	a, err := ask(ctx, c, policies, &nothing{})
	return a.Policies, err
}

// Lists gives the lists of an entrustment.
func (c *Client) Lists(ctx context.Context, entrustmentID string) ([]ListInfo, error) {
	return ask(ctx, c, lists, &entrustmentRequest{entrustmentID})
}

// Retention gives what expires under an entrustment, soonest first.
func (c *Client) Retention(ctx context.Context, entrustmentID string) ([]Expiry, error) {
	return ask(ctx, c, retention, &entrustmentRequest{entrustmentID})
}

// EventLogs gives the event logs of an entrustment, or the operator's own.
func (c *Client) EventLogs(ctx context.Context, entrustmentID string) ([]EventsInfo, error) {
	return ask(ctx, c, eventLogs, &entrustmentRequest{entrustmentID})
}

// Bases gives the loads of the identity base.
func (c *Client) Bases(ctx context.Context) ([]BaseInfo, error) {
	return ask(ctx, c, bases, &nothing{})
}

// Log gives entries of the record log that a party may read.
func (c *Client) Log(ctx context.Context, req LogRequest) (LogPage, error) {
	return ask(ctx, c, logPage, &req)
}

// Inclusion gives the proof that an entry stands in the log.
func (c *Client) Inclusion(ctx context.Context, seq int64) ([]byte, error) {
	return ask(ctx, c, inclusion, &entryRequest{seq})
}

// Checkpoint gives the signed checkpoint of the log.
func (c *Client) Checkpoint(ctx context.Context) ([]byte, error) {
	return ask(ctx, c, checkpoint, &nothing{})
}
