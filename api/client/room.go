package client

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"awase/crypto/seal"
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

// get asks for JSON of one type.
func get[T any](ctx context.Context, r *Room, path string) (T, error) {
	var out T
	err := r.Get(ctx, path, &out)
	return out, err
}

// mostRows is more than any room has parties or entrustments.
const mostRows = 100_000

// pages asks for every page of a list.
func pages[T any](ctx context.Context, r *Room, path string) ([]T, error) {
	var all []T
	for cursor := ""; ; {
		at := path + "?limit=200"
		if cursor != "" {
			at += "&cursor=" + url.QueryEscape(cursor)
		}
		page, err := get[struct {
			Items []T    `json:"items"`
			Next  string `json:"next"`
		}](ctx, r, at)
		if err != nil {
			return nil, err
		}
		if all = append(all, page.Items...); page.Next == "" || len(page.Items) == 0 {
			return all, nil
		}
		if len(all) > mostRows {
			return nil, noRoom("its list has no end")
		}
		cursor = page.Next
	}
}

// List asks for the first rows of a list, at most most, as JSON has them.
func (r *Room) List(ctx context.Context, path string, query url.Values, most int) ([]any, error) {
	q := url.Values{}
	for k, v := range query {
		q[k] = v
	}
	all := []any{}
	for {
		q.Set("limit", strconv.Itoa(min(most-len(all), 200)))
		page, err := get[struct {
			Items []any  `json:"items"`
			Next  string `json:"next"`
		}](ctx, r, path+"?"+q.Encode())
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items[:min(len(page.Items), most-len(all))]...)
		if page.Next == "" || len(page.Items) == 0 || len(all) == most {
			return all, nil
		}
		q.Set("cursor", page.Next)
	}
}

// Cube buys a planning cube, waits for its job and gives the release.
func (r *Room) Cube(ctx context.Context, q *entrustment.Question) (*wire.Release, error) {
	rel, err := r.reported(ctx, "/v1/cubes", map[string]any{"question": q})
	return rel, noEntrustment(err, q.Entrustment)
}

// Size answers a size from a planning cube, which is free.
func (r *Room) Size(ctx context.Context, cube string, where *entrustment.Condition) (*wire.Release, error) {
	in := map[string]any{}
	if where != nil {
		in["where"] = where
	}
	return post[*wire.Release](ctx, r, "/v1/cubes/"+url.PathEscape(cube)+"/sizes", in)
}

// Released gives a report that the party received: a release as it was signed.
func (r *Room) Released(ctx context.Context, id string) ([]byte, error) {
	return r.rawJSON(ctx, "/v1/reports/"+url.PathEscape(id))
}

// ReportFile gives a report as a file of a format, as xlsx or csv-sjis.
func (r *Room) ReportFile(ctx context.Context, id, format string) ([]byte, error) {
	return r.raw(ctx, "/v1/reports/"+url.PathEscape(id)+"/files/"+url.PathEscape(format))
}

// Receipt gives the receipt of a report, for awase verify.
func (r *Room) Receipt(ctx context.Context, id string) ([]byte, error) {
	return r.rawJSON(ctx, "/v1/reports/"+url.PathEscape(id)+"/receipt")
}

// put sends a document. The same document again is nothing new, so it is tried
// again as GET is.
func put[T any](ctx context.Context, r *Room, path, media string, doc []byte) (T, error) {
	var out T
	err := r.patiently(ctx, func() error {
		res, err := r.send(ctx, http.MethodPut, path, newBody(doc), int64(len(doc)), http.Header{"Content-Type": {media}})
		return readJSON(res, err, &out)
	})
	return out, err
}

// post sends JSON under a key of its own.
func post[T any](ctx context.Context, r *Room, path string, in any) (T, error) {
	var out T
	err := r.Post(ctx, path, NewKey(), in, &out)
	return out, err
}

// NewKey gives a new idempotency key.
func NewKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func putJSON[T any](ctx context.Context, r *Room, path string, doc any) (T, error) {
	raw, err := json.Marshal(doc)
	if err != nil {
		var none T
		return none, fmt.Errorf("writing a document: %w", err)
	}
	return put[T](ctx, r, path, "application/json", raw)
}

// raw asks for an answer as it is: what is signed keeps its bytes.
func (r *Room) raw(ctx context.Context, path string) (out []byte, err error) {
	err = r.patiently(ctx, func() error {
		res, err := r.send(ctx, http.MethodGet, path, nil, 0, nil)
		if err != nil {
			return err
		}
		out, err = readAnswer(res)
		return err
	})
	return out, err
}

// rawJSON is raw of JSON.
func (r *Room) rawJSON(ctx context.Context, path string) ([]byte, error) {
	out, err := r.raw(ctx, path)
	if err == nil && !json.Valid(out) {
		err = noRoom("its answer is not what a room answers")
	}
	return out, err
}

// items asks for a list that comes in one page.
func items[T any](ctx context.Context, r *Room, path string) ([]T, error) {
	page, err := get[struct {
		Items []T `json:"items"`
	}](ctx, r, path)
	return page.Items, err
}

// unknown gives the refusal of the enclave itself where the room does not say
// whether a thing is not there or is another party's.
func unknown(err error, field, detail, mend string) error {
	e, refused := errors.AsType[*Error](err)
	if !refused || e.Refusal.Code != entrustment.CodeNotFound || e.Refusal.Field != "request" && e.Refusal.Field != "server" {
		return err
	}
	out := *e
	out.Refusal = &entrustment.Error{Code: entrustment.CodeNotFound, Field: field, Detail: detail, Mend: mend}
	return &out
}

// noEntrustment is unknown of an entrustment.
func noEntrustment(err error, id string) error {
	return unknown(err, "entrustment", "there is no entrustment "+entrustment.Quote(id), "activate its contract with awase entrust")
}

func noReservation(err error) error {
	return unknown(err, "name", "there is no such reservation", "awase ledger lists them")
}

// inFile gives a refusal of a document that was sent as it is the name of its file.
func inFile(err error, file string) error {
	e, refused := errors.AsType[*Error](err)
	if !refused || file == "" {
		return err
	}
	rest, ok := strings.CutPrefix(e.Refusal.Field, "body")
	if !ok || rest != "" && rest[0] != ':' && rest[0] != ' ' {
		return err
	}
	out, named := *e, *e.Refusal
	named.Field = file + rest
	out.Refusal = &named
	return &out
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

// Report asks a question, waits for its job and gives the release.
func (r *Room) Report(ctx context.Context, q *entrustment.Question) (*wire.Release, error) {
	rel, err := r.reported(ctx, "/v1/reports", map[string]any{"question": q})
	return rel, noEntrustment(err, q.Entrustment)
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
	if e, refused := errors.AsType[*Error](err); refused && e.Status == http.StatusNotFound {
		return nil, &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2", Field: "recipient",
			Detail: "the report is made, and is for people of " + entrustment.Quote(done.Recipient), Mend: "they find it among their reports"}
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

// Request takes a sealed request of a data subject. Who checked who asks is whose
// token it is.
func (r *Room) Request(ctx context.Context, req wire.RightsRequest) ([]byte, error) {
	check := map[string]any{"method": req.Check.Method, "on": req.Check.On}
	if req.Check.Agent {
		check["agent"] = true
	}
	var out struct {
		Number int64 `json:"number"`
	}
	if err := r.Post(ctx, "/v1/requests", NewKey(), map[string]any{"check": check, "sealed": req.Sealed}, &out); err != nil {
		return nil, err
	}
	return r.RequestReceipt(ctx, out.Number) // its very bytes
}

// Requests lists the requests of data subjects.
func (r *Room) Requests(ctx context.Context) ([]wire.RequestInfo, error) {
	return pages[wire.RequestInfo](ctx, r, "/v1/requests")
}

// RequestReceipt gives the receipt of a request.
func (r *Room) RequestReceipt(ctx context.Context, number int64) ([]byte, error) {
	return r.rawJSON(ctx, "/v1/requests/"+strconv.FormatInt(number, 10)+"/receipt")
}

// SetDeskKey has the privacy desk's key pinned, or drafts that.
func (r *Room) SetDeskKey(ctx context.Context, key seal.PublicKey) (wire.Ack, error) {
	return putJSON[wire.Ack](ctx, r, "/v1/desk-key", map[string]any{"key": key})
}

// DeskKey gives the privacy desk's key.
func (r *Room) DeskKey(ctx context.Context) (*wire.DeskKey, error) {
	return get[*wire.DeskKey](ctx, r, "/v1/desk-key")
}

// Disclose drafts the disclosure of a request anew.
func (r *Room) Disclose(ctx context.Context, number int64) (wire.Ack, error) {
	return post[wire.Ack](ctx, r, "/v1/requests/"+strconv.FormatInt(number, 10)+"/disclosure", struct{}{})
}

// Disclosure gives what was disclosed, sealed to the desk.
func (r *Room) Disclosure(ctx context.Context, number int64) ([]byte, error) {
	raw, err := r.raw(ctx, "/v1/requests/"+strconv.FormatInt(number, 10)+"/disclosure")
	if err == nil && len(raw) != seal.DisclosureSize {
		err = noRoom("its answer is not what a room answers")
	}
	return raw, err
}
