package client

import (
	"context"
	"strconv"

	"awase/crypto/seal"
	"awase/enclave/wire"
)

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
