package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
)

// Room is a room as commands ask it: what they do with a vault at hand, over the
// network, as the person whose token it is. It refuses what is done at the machine
// alone, and what the person may not do the room refuses.
type Room struct {
	*Client
	spool    string        // where a directory for sealed files on their way is made; "": where temporary files lie
	progress Progress      // nil: nobody wants to know
	poll     time.Duration // between questions about a job
}

var _ wire.Enclave = (*Room)(nil)

// Progress is told how far a phase of what takes longer is: "sending", then
// "loading".
type Progress func(phase string, done, of int64)

// Room gives the room that c asks. Sealed files lie in a directory of spool, which
// nobody else may read, until they are sent.
func (c *Client) Room(spool string, progress Progress) *Room {
	return &Room{Client: c, spool: spool, progress: progress, poll: 200 * time.Millisecond}
}

// OnProgress says who is told how far what comes next is.
func (r *Room) OnProgress(p Progress) { r.progress = p }

// Close closes connections that are not in use.
func (r *Room) Close() error {
	r.http.CloseIdleConnections()
	return nil
}

// atTheMachine is a refusal of what the network has no part in, which a page tells of.
func atTheMachine(what, page string) error {
	return &entrustment.Error{Code: entrustment.CodeForbidden, Clause: page, Field: "server", Detail: what + " is done at the machine of the room, not over the network",
		Mend: "log in there and name the enclave's socket with --enclave"}
}

// AddParty adds a party, or drafts that.
func (r *Room) AddParty(ctx context.Context, p *entrustment.Party) (wire.Ack, error) {
	return putJSON[wire.Ack](ctx, r, "/v1/parties/"+url.PathEscape(p.ID), p)
}

// SetPolicies sets the policies, or drafts that.
func (r *Room) SetPolicies(ctx context.Context, p *entrustment.Policies) (wire.Ack, error) {
	return putJSON[wire.Ack](ctx, r, "/v1/policies", p)
}

// SetGate sets the gate's parameters, or drafts that.
func (r *Room) SetGate(ctx context.Context, file string, doc []byte) (wire.Ack, error) {
	a, err := put[wire.Ack](ctx, r, "/v1/gate", "application/yaml", doc)
	return a, inFile(err, file)
}

// Gate gives the parameters in force.
func (r *Room) Gate(ctx context.Context) (*wire.Gate, error) {
	return get[*wire.Gate](ctx, r, "/v1/gate")
}

// GateChanges says what SetGate would change.
func (r *Room) GateChanges(ctx context.Context, file string, doc []byte) ([]wire.GateChange, error) {
	var out struct {
		Items []wire.GateChange `json:"items"`
	}
	err := r.patiently(ctx, func() error {
		res, err := r.send(ctx, http.MethodPost, "/v1/gate/changes", newBody(doc), int64(len(doc)), http.Header{"Content-Type": {"application/yaml"}})
		return readJSON(res, err, &out)
	})
	return out.Items, inFile(err, file)
}

// Entrustments lists the ids of the entrustments that the party is in and that did
// not end.
func (r *Room) Entrustments(ctx context.Context) ([]string, error) {
	all, err := r.Contracts(ctx)
	var ids []string
	for _, e := range all {
		if !wire.Over(e.State) {
			ids = append(ids, e.ID)
		}
	}
	return ids, err
}

// Contracts gives the entrustments that the party is in.
func (r *Room) Contracts(ctx context.Context) ([]wire.EntrustmentInfo, error) {
	return pages[wire.EntrustmentInfo](ctx, r, "/v1/entrustments")
}

// Entrust activates an entrustment, or drafts that.
func (r *Room) Entrust(ctx context.Context, c *entrustment.Contract) (wire.Ack, error) {
	return putJSON[wire.Ack](ctx, r, "/v1/entrustments/"+url.PathEscape(c.ID), c)
}

// Terms says what a file is sealed to.
func (r *Room) Terms(ctx context.Context, id string) (wire.Terms, error) {
	path := "/v1/bases/terms"
	if id != "" && id != baseEntrustment {
		path = "/v1/entrustments/" + url.PathEscape(id) + "/terms"
	}
	t, err := get[wire.Terms](ctx, r, path)
	return t, noEntrustment(err, id)
}

// Price says what a question costs.
func (r *Room) Price(ctx context.Context, q *entrustment.Question, expect int64) (wire.Price, error) {
	p, err := post[wire.Price](ctx, r, "/v1/prices", map[string]any{"question": q, "expect": expect})
	return p, noEntrustment(err, q.Entrustment)
}

// Report asks a question, waits for its job and gives the release. Of one that another
// party's people read the error is Made.
func (r *Room) Report(ctx context.Context, q *entrustment.Question) (*wire.Release, error) {
	rel, err := r.reported(ctx, "/v1/reports", map[string]any{"question": q})
	return rel, noEntrustment(err, q.Entrustment)
}

// Made is what who asked gets of a report that another party's people read: the word
// that it is made. It is no refusal: nothing is left to do.
type Made struct {
	Report    string `json:"report"`    // its id, among the recipient's reports
	Recipient string `json:"recipient"` // a party
}

func (m *Made) Error() string {
	return "the report is made, and people of " + entrustment.Quote(m.Recipient) + " read it: they find it among their reports"
}

func (r *Room) reported(ctx context.Context, path string, in any) (*wire.Release, error) {
	j, err := post[Job](ctx, r, path, in)
	if err != nil {
		return nil, err
	}
	var done struct {
		Report    string `json:"report"`
		Recipient string `json:"recipient"`
	}
	if err := r.Follow(ctx, j.ID, nil, &done); err != nil {
		return nil, err
	}
	raw, err := r.rawJSON(ctx, "/v1/reports/"+url.PathEscape(done.Report))
	if e, refused := errors.AsType[*Error](err); refused && e.Status == http.StatusNotFound && done.Recipient != "" {
		return nil, &Made{done.Report, done.Recipient}
	}
	if err != nil {
		return nil, err
	}
	var rel wire.Release
	if err := json.Unmarshal(raw, &rel); err != nil {
		return nil, fmt.Errorf("reading the release: %w", err)
	}
	return &rel, nil
}

// AcceptClock believes the machine's clock after it jumped, or drafts that.
func (r *Room) AcceptClock(ctx context.Context) (wire.ClockState, error) {
	return post[wire.ClockState](ctx, r, "/v1/clock/accept", struct{}{})
}

// LogKey gives the verifier key of receipts and checkpoints.
func (r *Room) LogKey(ctx context.Context) (string, error) {
	out, err := get[struct {
		Key string `json:"key"`
	}](ctx, r, "/v1/log/key")
	return out.Key, err
}

// LogProof gives the proof between two sizes of the record log.
func (r *Room) LogProof(ctx context.Context, from, to int64) ([]byte, error) {
	return r.rawJSON(ctx, fmt.Sprintf("/v1/log/proof?from=%d&to=%d", from, to))
}

// Attestation gives what the enclave says of itself, signed.
func (r *Room) Attestation(ctx context.Context, nonce string) ([]byte, error) {
	return r.rawJSON(ctx, "/v1/attestation?nonce="+url.QueryEscape(nonce))
}

// Drafts gives the acts that wait for signatures of the party.
func (r *Room) Drafts(ctx context.Context) ([]wire.Draft, error) {
	return items[wire.Draft](ctx, r, "/v1/drafts")
}

// Approve hands in an officer's signature.
func (r *Room) Approve(ctx context.Context, a wire.Approval) (wire.Approved, error) {
	got, err := post[wire.Approved](ctx, r, "/v1/drafts/"+url.PathEscape(a.Draft)+"/approvals", map[string]any{"key": a.Key, "signature": a.Signature})
	return got, unknown(err, "draft", "there is no draft of this hash", "awase drafts shows what waits; give the whole hash")
}

// Review says of a draft that whose token it is read it, or takes that back.
func (r *Room) Review(ctx context.Context, hash string, back bool) (d wire.Draft, err error) {
	path := "/v1/drafts/" + url.PathEscape(hash) + "/review"
	method := http.MethodPut
	if back {
		method = http.MethodDelete
	}
	err = r.Ask(ctx, method, path, nil, &d)
	return d, unknown(err, "draft", "there is no draft of this hash, or nobody said so", "awase drafts shows what waits; give the whole hash")
}

// Withdraw takes back a draft that waits.
func (r *Room) Withdraw(ctx context.Context, hash string) (wire.Ack, error) {
	a, err := post[wire.Ack](ctx, r, "/v1/drafts/"+url.PathEscape(hash)+"/withdrawal", struct{}{})
	return a, unknown(err, "draft", "there is no draft of this hash", "awase drafts shows what waits; give the whole hash")
}

// Frozen tells whether releases are stopped.
func (r *Room) Frozen(ctx context.Context) (wire.Freeze, error) {
	return get[wire.Freeze](ctx, r, "/v1/freeze")
}

// Freeze stops all releases.
func (r *Room) Freeze(ctx context.Context, f wire.FreezeRequest) (wire.Freeze, error) {
	return post[wire.Freeze](ctx, r, "/v1/freeze", f)
}

// Lift lets releases out again, or drafts that.
func (r *Room) Lift(ctx context.Context) (wire.Ack, error) {
	return post[wire.Ack](ctx, r, "/v1/freeze/lift", struct{}{})
}

// EndEntrustment ends an entrustment for good and gives the certificate.
func (r *Room) EndEntrustment(ctx context.Context, id string, by wire.ByOfficer) ([]byte, error) {
	var out json.RawMessage
	err := r.Post(ctx, "/v1/entrustments/"+url.PathEscape(id)+"/end", NewKey(), map[string]any{"confirm": id, "by": by}, &out)
	if err != nil {
		return nil, noEntrustment(err, id)
	}
	return r.Certificate(ctx, id) // its very bytes
}

// ToSign gives what one officer signs to end an entrustment.
func (r *Room) ToSign(ctx context.Context, act, id string) (wire.ToSign, error) {
	switch act {
	case "end":
	case "engine":
		return wire.ToSign{}, atTheMachine("a move to another engine", "docs/clickhouse.md")
	default:
		return wire.ToSign{}, atTheMachine("a rotation of the vault key", "docs/vault.md")
	}
	s, err := get[wire.ToSign](ctx, r, "/v1/entrustments/"+url.PathEscape(id)+"/end")
	return s, noEntrustment(err, id)
}

// Certificate gives the certificate of an ended entrustment.
func (r *Room) Certificate(ctx context.Context, id string) ([]byte, error) {
	raw, err := r.rawJSON(ctx, "/v1/entrustments/"+url.PathEscape(id)+"/certificate")
	return raw, noEntrustment(err, id)
}

// Engine is told at the machine.
func (r *Room) Engine(context.Context) (wire.EngineState, error) {
	return wire.EngineState{}, atTheMachine("asking the engine that counts", "docs/clickhouse.md")
}

// Rotate is done at the machine.
func (r *Room) Rotate(context.Context, wire.ByOfficer) (wire.Rotation, error) {
	return wire.Rotation{}, atTheMachine("a rotation of the vault key", "docs/vault.md")
}

// Backup is made at the machine.
func (r *Room) Backup(context.Context, wire.BackupRequest) (wire.Backup, error) {
	return wire.Backup{}, atTheMachine("a backup", "docs/vault.md")
}

// ConfirmRestore is done at the machine.
func (r *Room) ConfirmRestore(context.Context) (wire.Ack, error) {
	return wire.Ack{}, atTheMachine("the confirming of a restore", "docs/vault.md")
}

// Room tells what state the room is in.
func (r *Room) Room(ctx context.Context) (wire.Room, error) {
	return get[wire.Room](ctx, r, "/v1/room")
}

// Parties gives the parties that the party knows.
func (r *Room) Parties(ctx context.Context) ([]wire.PartyInfo, error) {
	return pages[wire.PartyInfo](ctx, r, "/v1/parties")
}

// Entrustment gives one entrustment with its versions.
func (r *Room) Entrustment(ctx context.Context, id string) (wire.EntrustmentInfo, error) {
	e, err := get[wire.EntrustmentInfo](ctx, r, "/v1/entrustments/"+url.PathEscape(id))
	return e, noEntrustment(err, id)
}

// Policies gives the policies in force; nil: none were set.
func (r *Room) Policies(ctx context.Context) (*entrustment.Policies, error) {
	p, err := get[*entrustment.Policies](ctx, r, "/v1/policies")
	if e, refused := errors.AsType[*Error](err); refused && e.Status == http.StatusNotFound {
		return nil, nil
	}
	return p, err
}

// Lists gives the party's lists under an entrustment.
func (r *Room) Lists(ctx context.Context, id string) ([]wire.ListInfo, error) {
	l, err := items[wire.ListInfo](ctx, r, "/v1/entrustments/"+url.PathEscape(id)+"/lists")
	return l, noEntrustment(err, id)
}

// Retention gives what expires under an entrustment, soonest first.
func (r *Room) Retention(ctx context.Context, id string) ([]wire.Expiry, error) {
	all, err := items[wire.Expiry](ctx, r, "/v1/entrustments/"+url.PathEscape(id)+"/retention")
	return all, noEntrustment(err, id)
}

// EventLogs gives the party's event logs under an entrustment; "": the operator's own.
func (r *Room) EventLogs(ctx context.Context, id string) ([]wire.EventsInfo, error) {
	if id == "" {
		return items[wire.EventsInfo](ctx, r, "/v1/events")
	}
	l, err := items[wire.EventsInfo](ctx, r, "/v1/entrustments/"+url.PathEscape(id)+"/events")
	return l, noEntrustment(err, id)
}

// Bases gives the loads of the base.
func (r *Room) Bases(ctx context.Context) ([]wire.BaseInfo, error) {
	return items[wire.BaseInfo](ctx, r, "/v1/bases")
}

// Inclusion gives the proof that an entry stands in the log.
func (r *Room) Inclusion(ctx context.Context, seq int64) ([]byte, error) {
	return r.rawJSON(ctx, "/v1/log/entries/"+strconv.FormatInt(seq, 10)+"/proof")
}

// Checkpoint gives the signed checkpoint of the log.
func (r *Room) Checkpoint(ctx context.Context) ([]byte, error) {
	return r.raw(ctx, "/v1/log/checkpoint")
}

// StartWork is the service's own.
func (r *Room) StartWork(context.Context, wire.WorkRequest) (wire.WorkState, error) {
	return wire.WorkState{}, atTheMachine("work of the enclave", "docs/wire.md")
}

// PollWork is the service's own.
func (r *Room) PollWork(context.Context, string, time.Duration) (wire.WorkState, error) {
	return wire.WorkState{}, atTheMachine("work of the enclave", "docs/wire.md")
}

// StopWork is the service's own.
func (r *Room) StopWork(context.Context, string) (wire.WorkState, error) {
	return wire.WorkState{}, atTheMachine("work of the enclave", "docs/wire.md")
}

// Reserve holds the price of a question.
func (r *Room) Reserve(ctx context.Context, req wire.ReserveRequest) (wire.Reserved, error) {
	got, err := post[wire.Reserved](ctx, r, "/v1/reservations", map[string]any{"name": req.Name, "question": req.Question, "until": req.Until})
	return got, noEntrustment(err, req.Question.Entrustment)
}

// Free gives a reservation up.
func (r *Room) Free(ctx context.Context, name string) (wire.Reserved, error) {
	var out wire.Reserved
	err := r.Ask(ctx, http.MethodDelete, reservation(name), nil, &out)
	return out, noReservation(err)
}

// PriceReserved is Price of the question that a reservation holds.
func (r *Room) PriceReserved(ctx context.Context, name string, expect int64) (wire.Price, error) {
	p, err := post[wire.Price](ctx, r, reservation(name)+"/price", map[string]any{"expect": expect})
	return p, noReservation(err)
}

// ReportReserved is Report of the question that a reservation holds.
func (r *Room) ReportReserved(ctx context.Context, name string) (*wire.Release, error) {
	rel, err := r.reported(ctx, reservation(name)+"/report", nil)
	return rel, noReservation(err)
}

// reservation gives the path of a reservation, whose name is entrustment/name.
func reservation(name string) string {
	id, own, _ := strings.Cut(name, "/")
	return "/v1/reservations/" + url.PathEscape(id) + "/" + url.PathEscape(own)
}
