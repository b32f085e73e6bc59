package enclave

import (
	"context"
	"fmt"

	"awase/crypto/receipt"
	"awase/enclave/wire"
)

func (h *heard) EndEntrustment(ctx context.Context, id string) ([]byte, error) {
	a, err := h.of.EndEntrustment(ctx, id)
	_, err = note(h, "EndEntrustment", statusOf(a), err)
	return a, err
}

func (h *heard) Certificate(ctx context.Context, id string) ([]byte, error) {
	a, err := h.of.Certificate(ctx, id)
	_, err = note(h, "Certificate", statusOf(a), err)
	return a, err
}

func (h *heard) Rotate(ctx context.Context) (wire.Rotation, error) {
	a, err := h.of.Rotate(ctx)
	return note(h, "Rotate", a, err)
}

// statusOf is what a certificate says that is not signed with its moment in it.
func statusOf(certificate []byte) string {
	if certificate == nil {
		return ""
	}
	c, err := receipt.VerifyDestruction(certificate, nil)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(c.Entrustment, c.Version, c.Status, c.Segments, c.Backups, c.End.Index)
}

// askVault asks what is done to the vault itself, refusals first.
func askVault(ctx context.Context, e wire.Enclave) {
	for _, id := range []string{"nobody", "e"} {
		_, _ = e.Certificate(ctx, id)
	}
	_, _ = e.EndEntrustment(ctx, "nobody")
	_, _ = e.Rotate(ctx)
}
