package enclave

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"awase/crypto/receipt"
	"awase/enclave/wire"
	"awase/entrustment"
)

func (h *heard) Room(ctx context.Context) (wire.Room, error) {
	a, err := h.of.Room(ctx)
	return note(h, "Room", a, err)
}
func (h *heard) Parties(ctx context.Context) ([]wire.PartyInfo, error) {
	a, err := h.of.Parties(ctx)
	return note(h, "Parties", a, err)
}
func (h *heard) Contracts(ctx context.Context) ([]wire.EntrustmentInfo, error) {
	a, err := h.of.Contracts(ctx)
	return note(h, "Contracts", a, err)
}
func (h *heard) Entrustment(ctx context.Context, id string) (wire.EntrustmentInfo, error) {
	a, err := h.of.Entrustment(ctx, id)
	return note(h, "Entrustment", a, err)
}
func (h *heard) Policies(ctx context.Context) (*entrustment.Policies, error) {
	a, err := h.of.Policies(ctx)
	return note(h, "Policies", a, err)
}
func (h *heard) Lists(ctx context.Context, id string) ([]wire.ListInfo, error) {
	a, err := h.of.Lists(ctx, id)
	return note(h, "Lists", a, err)
}
func (h *heard) EventLogs(ctx context.Context, id string) ([]wire.EventsInfo, error) {
	a, err := h.of.EventLogs(ctx, id)
	return note(h, "EventLogs", a, err)
}
func (h *heard) Bases(ctx context.Context) ([]wire.BaseInfo, error) {
	a, err := h.of.Bases(ctx)
	return note(h, "Bases", a, err)
}

// hashed are what differs by salts and moments.
var hashed = regexp.MustCompile(`"(leaf|table)":"[0-9a-f]{64}"`)

func (h *heard) Log(ctx context.Context, r wire.LogRequest) (wire.LogPage, error) {
	a, err := h.of.Log(ctx, r)
	raw, jerr := json.Marshal(a)
	if err == nil {
		err = jerr
	}
	_, err = note(h, "Log", hashed.ReplaceAllString(string(raw), ""), err)
	return a, err
}
func (h *heard) Retention(ctx context.Context, id string) ([]wire.Expiry, error) {
	a, err := h.of.Retention(ctx, id)
	return note(h, "Retention", a, err)
}
func (h *heard) Inclusion(ctx context.Context, seq int64) ([]byte, error) {
	a, err := h.of.Inclusion(ctx, seq)
	said := ""
	if err == nil {
		p, size, verr := receipt.VerifyInclusion(a, nil)
		if verr != nil {
			return a, verr
		}
		said = fmt.Sprint(p.Index, size)
	}
	_, err = note(h, "Inclusion", said, err)
	return a, err
}
func (h *heard) Checkpoint(ctx context.Context) ([]byte, error) {
	a, err := h.of.Checkpoint(ctx)
	_, err = note(h, "Checkpoint", receipt.Origin(string(a)), err)
	return a, err
}
func (h *heard) StartWork(ctx context.Context, r wire.WorkRequest) (wire.WorkState, error) {
	a, err := h.of.StartWork(ctx, r)
	said := a
	if err == nil {
		said = wire.WorkState{Job: a.Job} // how far it got is a matter of time
	}
	_, err = note(h, "StartWork", said, err)
	return a, err
}
func (h *heard) PollWork(ctx context.Context, id string, wait time.Duration) (wire.WorkState, error) {
	a, err := h.of.PollWork(ctx, id, wait)
	return note(h, "PollWork", a, err)
}
func (h *heard) StopWork(ctx context.Context, id string) (wire.WorkState, error) {
	a, err := h.of.StopWork(ctx, id)
	return note(h, "StopWork", a, err)
}

// askCatalogue asks what the room knows, refusals too.
func askCatalogue(ctx context.Context, e wire.Enclave) {
	_, _ = e.Room(ctx)
	_, _ = e.Parties(ctx)
	_, _ = e.Contracts(ctx)
	_, _ = e.Policies(ctx)
	_, _ = e.Bases(ctx)
	_, _ = e.EventLogs(ctx, "")
	for _, id := range []string{"e", "nobody"} {
		_, _ = e.Entrustment(ctx, id)
		_, _ = e.Lists(ctx, id)
		_, _ = e.EventLogs(ctx, id)
		_, _ = e.Retention(ctx, id)
	}
	for _, r := range []wire.LogRequest{{}, {Party: "acme"}, {Party: "acme", From: 3, Limit: 2}, {Party: "nobody"}, {From: -1}, {Limit: 501}, {From: 1 << 40}} {
		_, _ = e.Log(ctx, r)
	}
	for _, seq := range []int64{0, 3, -1, 1 << 40} {
		_, _ = e.Inclusion(ctx, seq)
	}
	_, _ = e.Checkpoint(ctx)
}

// askWork asks for jobs that are refused, at once or in their time, and for one
// that is done.
func askWork(ctx context.Context, e wire.Enclave) {
	list := &wire.ListRequest{Entrustment: "e", Name: "l"}
	asked, _ := json.Marshal(question())
	for _, r := range []wire.WorkRequest{
		{}, {Job: "J", Kind: wire.WorkList, Upload: "u", List: list}, {Job: "j", Kind: "none", Upload: "u"}, {Job: "j", Kind: wire.WorkList, Upload: "../V.key", List: list},
		{Job: "j", Kind: wire.WorkList, Upload: "u"}, {Job: "j", Kind: wire.WorkReport, Question: []byte(`{}`)}, {Job: "j", Kind: wire.WorkBase, Upload: "u", Base: []byte(`{"a":1}`)},
		{Job: "gone", Kind: wire.WorkList, Upload: "gone", List: list}, {Job: "report", Kind: wire.WorkReport, Question: asked}, {Job: "report", Kind: wire.WorkReport, Question: asked},
		{Job: "report", Kind: wire.WorkList, Upload: "u", List: list}, {Job: "held", Kind: wire.WorkReport, Reservation: "e/nothing"}, {Job: "held", Kind: wire.WorkReport, Reservation: "e/x", Question: asked},
	} {
		_, _ = e.StartWork(ctx, r)
	}
	for _, id := range []string{"no id", "unknown", "gone", "report"} {
		_, _ = e.PollWork(ctx, id, 10*time.Second)
		_, _ = e.StopWork(ctx, id)
	}
}
