package enclave

import (
	"bytes"
	"context"
	"fmt"

	"awase/crypto/seal"
	"awase/enclave/wire"
)

func (h *heard) SetDeskKey(ctx context.Context, key seal.PublicKey) (wire.Ack, error) {
	a, err := h.of.SetDeskKey(ctx, key)
	return note(h, "SetDeskKey", a, err)
}

func (h *heard) DeskKey(ctx context.Context) (*wire.DeskKey, error) {
	a, err := h.of.DeskKey(ctx)
	return note(h, "DeskKey", a, err)
}

func (h *heard) Disclose(ctx context.Context, number int64) (wire.Ack, error) {
	a, err := h.of.Disclose(ctx, number)
	return note(h, "Disclose", a, err)
}

func (h *heard) Disclosure(ctx context.Context, number int64) ([]byte, error) {
	a, err := h.of.Disclosure(ctx, number)
	said := ""
	if err == nil { // the rest is sealed, each time another way
		tag, terr := seal.ReadDisclosureTag(a)
		said = fmt.Sprint(len(a), tag.Number, tag.Key, terr)
	}
	_, err = note(h, "Disclosure", said, err)
	return a, err
}

// askDisclosures asks for disclosures, refusals first.
func askDisclosures(ctx context.Context, e wire.Enclave) {
	_, _ = e.DeskKey(ctx)
	_, _ = e.Disclose(ctx, 1)
	_, _ = e.Disclosure(ctx, 1)
	_, _ = e.Disclosure(ctx, 0)
	for _, suite := range []seal.Suite{seal.X25519, seal.XWing} {
		key, err := seal.DeriveKey(suite, [32]byte{7})
		if err != nil {
			return
		}
		_, _ = e.SetDeskKey(ctx, key.Public())
	}
	_, _ = e.DeskKey(ctx)
	terms, err := e.Terms(ctx, seal.BaseEntrustment)
	if err != nil {
		return
	}
	a := seal.BaseAddress(terms.Party, [16]byte{2})
	a.Name = seal.RequestName
	var b bytes.Buffer
	w, err := seal.NewWriter(&b, terms.Key, a, seal.Header{Purpose: seal.Request, Asks: seal.Disclosure}, seal.WriterOptions{})
	if err != nil {
		return
	}
	rows, err := seal.RequestOf(userKeys(1, 3))
	if err != nil || w.Write(rows) != nil || w.Close() != nil {
		return
	}
	for range 2 {
		_, _ = e.Request(ctx, wire.RightsRequest{Check: goodCheck(), Sealed: b.Bytes()})
	}
	all, err := e.Requests(ctx)
	if err != nil {
		return
	}
	for _, r := range all {
		_, _ = e.Disclose(ctx, r.Number)
		_, _ = e.Disclosure(ctx, r.Number)
		_, _ = e.RequestReceipt(ctx, r.Number)
	}
}
