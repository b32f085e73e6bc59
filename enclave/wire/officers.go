package wire

import (
	"context"
	"encoding/json"
	"time"

	"awase/crypto/approval"
	"awase/entrustment"
)

// Officers is what officers do (docs/officers.md). Who asks is not trusted to be
// one: signatures are, checked in the enclave against the keys that it pinned.
type Officers interface {
	// Drafts gives the acts that wait for signatures.
	Drafts(ctx context.Context) ([]Draft, error)
	// Approve takes one officer's signature of a draft. The last that is needed
	// makes the draft effective.
	Approve(ctx context.Context, a Approval) (Approved, error)
	// Withdraw takes back a draft that waits, with the signatures that it had. It takes
	// none: nothing may leave for it that could not before.
	Withdraw(ctx context.Context, hash string) (Ack, error)
	// Frozen tells whether releases are stopped, and what an officer signs to stop
	// them.
	Frozen(ctx context.Context) (Freeze, error)
	// Freeze stops all releases at once. A question that runs gives no answer; it
	// does, uncharged, when it is asked after the lifting. Each party stops them by an
	// entry of its own; stopped again by the same one is nothing.
	Freeze(ctx context.Context, r FreezeRequest) (Freeze, error)
	// Lift lets releases out again, or drafts that: an officer of each party that
	// stopped them signs, and one of the operator.
	Lift(ctx context.Context) (Ack, error)
}

// Draft is an act that waits for signatures.
type Draft struct {
	Hash      string             `json:"hash"` // of the statement: its name
	Statement approval.Statement `json:"statement"`
	Document  json.RawMessage    `json:"document"`         // canonical
	Before    json.RawMessage    `json:"before,omitempty"` // in whose place it comes
	Parties   []string           `json:"parties"`          // of each, an officer signs; two officers at least
	Needs     []string           `json:"needs"`            // parties whose officer has to sign yet
	Signed    []Signed           `json:"signed,omitempty"`
	At        string             `json:"at"`
	State     string             `json:"state"` // draft | reviewed | approved, where it waits for more signatures
	// Reviews are whose people said that they read it. The front keeps them, and the
	// enclave gives none: no approval rests on them.
	Reviews []Review `json:"reviews,omitempty"`
}

// The states of a draft.
const (
	DraftNew      = "draft"
	DraftReviewed = "reviewed" // by people of each party that signs it
	DraftApproved = "approved" // by an officer at least
)

// Review says that somebody of a party read a draft.
type Review struct {
	Party string `json:"party"`
	By    string `json:"by,omitempty"` // the person's name, for their own party and the operator
	At    string `json:"at"`
}

// Signed is an officer's signature that counts.
type Signed struct {
	Party   string `json:"party"`
	Officer string `json:"officer"`
	At      string `json:"at"`
}

// Approval is one officer's signature of a draft.
type Approval struct {
	Draft     string             `json:"draft"` // its hash
	Key       string             `json:"key"`   // the officer's, as party.yaml has it
	Signature approval.Signature `json:"signature"`
}

// Approved says what became of a signature.
type Approved struct {
	Ack
	Effective bool     `json:"effective"` // the act stands: Ack says as what
	Needs     []string `json:"needs,omitempty"`
}

// Freeze tells whether releases are stopped.
type Freeze struct {
	Frozen  bool   `json:"frozen"`
	At      string `json:"at,omitempty"`    // since when; this and what follows are of the first of Stops
	Party   string `json:"party,omitempty"` // whose officer stopped them; "" in a dev vault
	Officer string `json:"officer,omitempty"`
	Seq     int64  `json:"log_entry,omitempty"`
	Stops   []Stop `json:"stops,omitempty"` // one of each party that stopped them, oldest first
	Signed  bool   `json:"signed"`          // an officer's signature is asked
	// Statement is what an officer signs to stop releases, for their party too where
	// another did, less nonce and day.
	Statement *approval.Statement `json:"statement,omitempty"`
	Now       string              `json:"now"` // the vault's time, by which a signature lapses
}

// Stopped is how a release is refused while all are stopped, since a moment.
func Stopped(at time.Time) *entrustment.Error {
	return &entrustment.Error{Code: entrustment.CodeFrozen, Clause: "DESIGN §7", Field: "release",
		Detail: "all releases were stopped on " + entrustment.Moment(at),
		Mend:   "ask the officers; once they let releases out again (awase freeze --lift) ask again: what was charged is not charged twice"}
}

// Stop is one party's freeze.
type Stop struct {
	At      string `json:"at"`
	Party   string `json:"party,omitempty"` // "" in a dev vault
	Officer string `json:"officer,omitempty"`
	Seq     int64  `json:"log_entry"`
}

// FreezeRequest stops releases.
type FreezeRequest = ByOfficer

// ByOfficer is one officer's signature of a statement. It is empty in a dev vault.
type ByOfficer struct {
	Statement *approval.Statement `json:"statement,omitempty"`
	Key       string              `json:"key,omitempty"`
	Signature approval.Signature  `json:"signature"`
}

type withdrawRequest struct {
	Draft string `json:"draft"` // its hash
}

var (
	drafts = route[nothing, []Draft]{"drafts", func(ctx context.Context, e Enclave, _ *nothing) ([]Draft, error) {
		return e.Drafts(ctx)
	}}
	approve = route[Approval, Approved]{"approve", func(ctx context.Context, e Enclave, q *Approval) (Approved, error) {
		return e.Approve(ctx, *q)
	}}
	withdraw = route[withdrawRequest, Ack]{"withdraw", func(ctx context.Context, e Enclave, q *withdrawRequest) (Ack, error) {
		return e.Withdraw(ctx, q.Draft)
	}}
	frozen = route[nothing, Freeze]{"frozen", func(ctx context.Context, e Enclave, _ *nothing) (Freeze, error) {
		return e.Frozen(ctx)
	}}
	freeze = route[FreezeRequest, Freeze]{"freeze", func(ctx context.Context, e Enclave, q *FreezeRequest) (Freeze, error) {
		return e.Freeze(ctx, *q)
	}}
	lift = route[nothing, Ack]{"lift", func(ctx context.Context, e Enclave, _ *nothing) (Ack, error) {
		return e.Lift(ctx)
	}}
)

// onOfficers answers the officers' methods.
func onOfficers(h *handler) {
	on(h, drafts)
	on(h, approve)
	on(h, withdraw)
	on(h, frozen)
	on(h, freeze)
	on(h, lift)
}

// Drafts gives the acts that wait for signatures.
func (c *Client) Drafts(ctx context.Context) ([]Draft, error) { return ask(ctx, c, drafts, &nothing{}) }

// Approve hands in one officer's signature of a draft.
func (c *Client) Approve(ctx context.Context, a Approval) (Approved, error) {
	return ask(ctx, c, approve, &a)
}

// Withdraw takes back a draft that waits.
func (c *Client) Withdraw(ctx context.Context, hash string) (Ack, error) {
	return ask(ctx, c, withdraw, &withdrawRequest{hash})
}

// Frozen tells whether releases are stopped.
func (c *Client) Frozen(ctx context.Context) (Freeze, error) { return ask(ctx, c, frozen, &nothing{}) }

// Freeze stops all releases.
func (c *Client) Freeze(ctx context.Context, r FreezeRequest) (Freeze, error) {
	return ask(ctx, c, freeze, &r)
}

// Lift lets releases out again, or drafts that.
func (c *Client) Lift(ctx context.Context) (Ack, error) { return ask(ctx, c, lift, &nothing{}) }
