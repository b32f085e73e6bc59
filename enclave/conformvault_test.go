package enclave

import (
	"context"
	"fmt"

	"awase/crypto/receipt"
	"awase/enclave/wire"
	"awase/entrustment"
)

func (h *heard) EndEntrustment(ctx context.Context, id string, by wire.ByOfficer) ([]byte, error) {
	a, err := h.of.EndEntrustment(ctx, id, by)
	_, err = note(h, "EndEntrustment", statusOf(a), err)
	return a, err
}

func (h *heard) Certificate(ctx context.Context, id string) ([]byte, error) {
	a, err := h.of.Certificate(ctx, id)
	_, err = note(h, "Certificate", statusOf(a), err)
	return a, err
}

func (h *heard) Rotate(ctx context.Context, by wire.ByOfficer) (wire.Rotation, error) {
	a, err := h.of.Rotate(ctx, by)
	return note(h, "Rotate", a, err)
}

func (h *heard) ToSign(ctx context.Context, act, id string) (wire.ToSign, error) {
	a, err := h.of.ToSign(ctx, act, id)
	return note(h, "ToSign", a, err)
}

func (h *heard) Backup(ctx context.Context, req wire.BackupRequest) (wire.Backup, error) {
	a, err := h.of.Backup(ctx, req)
	return note(h, "Backup", a, err)
}

func (h *heard) ConfirmRestore(ctx context.Context) (wire.Ack, error) {
	a, err := h.of.ConfirmRestore(ctx)
	return note(h, "ConfirmRestore", a, err)
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
	for _, act := range []string{kindEnd, kindRotate, kindGate, kindEngine} {
		_, _ = e.ToSign(ctx, act, "nobody")
		_, _ = e.ToSign(ctx, act, "e")
	}
	_, _ = e.EndEntrustment(ctx, "nobody", wire.ByOfficer{})
	_, _ = e.Rotate(ctx, wire.ByOfficer{})
	_, _ = e.Backup(ctx, wire.BackupRequest{Dir: "/nowhere", Expires: entrustment.Date{Year: 2020, Month: 1, Day: 1}})
	_, _ = e.ConfirmRestore(ctx)
	_, _ = e.Engine(ctx)
}

func (h *heard) Engine(ctx context.Context) (wire.EngineState, error) {
	a, err := h.of.Engine(ctx)
	return note(h, "Engine", a, err)
}
