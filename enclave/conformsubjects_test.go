package enclave

import (
	"bytes"
	"context"
	"fmt"

	"awase/crypto/receipt"
	"awase/crypto/seal"
	"awase/enclave/wire"
)

func (h *heard) Request(ctx context.Context, req wire.RightsRequest) ([]byte, error) {
	a, err := h.of.Request(ctx, req)
	_, err = note(h, "Request", requestOf(a), err)
	return a, err
}

func (h *heard) Requests(ctx context.Context) ([]wire.RequestInfo, error) {
	a, err := h.of.Requests(ctx)
	return note(h, "Requests", a, err)
}

func (h *heard) RequestReceipt(ctx context.Context, number int64) ([]byte, error) {
	a, err := h.of.RequestReceipt(ctx, number)
	_, err = note(h, "RequestReceipt", requestOf(a), err)
	return a, err
}

// requestOf is what a receipt says that is not signed with its moment in it.
func requestOf(raw []byte) string {
	if raw == nil {
		return ""
	}
	r, err := receipt.VerifyRequest(raw, nil)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(r.Number, r.Kind, r.Statement, r.Told != nil, r.Log.Index)
}

// askSubjects asks what data subjects ask, refusals first.
func askSubjects(ctx context.Context, e wire.Enclave) {
	_, _ = e.RequestReceipt(ctx, 1)
	_, _ = e.Request(ctx, wire.RightsRequest{})
	_, _ = e.Request(ctx, wire.RightsRequest{Check: goodCheck(), Sealed: []byte("no sealed file")})
	terms, err := e.Terms(ctx, seal.BaseEntrustment)
	if err != nil {
		return
	}
	for i, kind := range append(seal.RequestKinds(), seal.Deletion) {
		a := seal.BaseAddress(terms.Party, [16]byte{1, byte(i % len(seal.RequestKinds()))}) // the last is the first again
		a.Name = seal.RequestName
		var b bytes.Buffer
		w, err := seal.NewWriter(&b, terms.Key, a, seal.Header{Purpose: seal.Request, Asks: kind}, seal.WriterOptions{})
		if err != nil {
			return
		}
		rows, err := seal.RequestOf(userKeys(1, 3))
		if err != nil || w.Write(rows) != nil || w.Close() != nil {
			return
		}
		_, _ = e.Request(ctx, wire.RightsRequest{Check: goodCheck(), Sealed: b.Bytes()})
	}
	_, _ = e.Requests(ctx)
	_, _ = e.RequestReceipt(ctx, 2)
	_, _ = e.RequestReceipt(ctx, 1<<40)
}
