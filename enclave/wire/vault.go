package wire

import (
	"context"

	"awase/entrustment"
)

// Rotation is what Rotate did.
type Rotation struct {
	Generation int64 `json:"generation"` // of the vault key in force: 1, and one more with each rotation
	Pending    bool  `json:"pending"`    // it waits for the operator to put the next key in place
}

// Vault is what the enclave does to the vault itself.
type Vault interface {
	// EndEntrustment ends an entrustment for good: questions under way end first,
	// then its data is destroyed. It gives the certificate, JSON for awase verify.
	// Asked again it finishes what is left, and gives the certificate as it is then.
	EndEntrustment(ctx context.Context, id string) ([]byte, error)
	// Certificate gives the certificate of an ended entrustment as it is now.
	Certificate(ctx context.Context, id string) ([]byte, error)
	// Rotate replaces the vault key. It changes no token, noise or receipt.
	Rotate(ctx context.Context) (Rotation, error)
	// Backup copies the vault as it is now to a new directory.
	Backup(ctx context.Context, req BackupRequest) (Backup, error)
	// ConfirmRestore answers for what a restored vault can't know, or drafts that.
	ConfirmRestore(ctx context.Context) (Ack, error)
}

// BackupRequest says where a backup goes, and how long it is kept.
type BackupRequest struct {
	Dir     string           `json:"dir"`     // an absolute path or, of a served enclave, a name in its outbox
	Expires entrustment.Date `json:"expires"` // the last JST day on which it is kept
}

// Backup is what was copied.
type Backup struct {
	Seq      int64            `json:"log_entry"` // the entry that says that it was made
	Dir      string           `json:"dir"`       // where it lies
	Segments int              `json:"segments"`
	Bytes    int64            `json:"bytes"`
	Expires  entrustment.Date `json:"expires"`
}

type entrustmentRequest struct {
	Entrustment string `json:"entrustment"`
}

var (
	endEntrustment = route[entrustmentRequest, []byte]{"end-entrustment", func(ctx context.Context, e Enclave, q *entrustmentRequest) ([]byte, error) {
		return e.EndEntrustment(ctx, q.Entrustment)
	}}
	certificate = route[entrustmentRequest, []byte]{"certificate", func(ctx context.Context, e Enclave, q *entrustmentRequest) ([]byte, error) {
		return e.Certificate(ctx, q.Entrustment)
	}}
	rotate = route[nothing, Rotation]{"rotate", func(ctx context.Context, e Enclave, _ *nothing) (Rotation, error) {
		return e.Rotate(ctx)
	}}
	backup = route[BackupRequest, Backup]{"backup", func(ctx context.Context, e Enclave, q *BackupRequest) (Backup, error) {
		return e.Backup(ctx, *q)
	}}
	confirmRestore = route[nothing, Ack]{"confirm-restore", func(ctx context.Context, e Enclave, _ *nothing) (Ack, error) {
		return e.ConfirmRestore(ctx)
	}}
)

// onVault answers the routes of Vault.
func onVault(h *handler) {
	on(h, endEntrustment)
	on(h, certificate)
	on(h, rotate)
	on(h, backup)
	on(h, confirmRestore)
}

// EndEntrustment ends an entrustment for good.
func (c *Client) EndEntrustment(ctx context.Context, id string) ([]byte, error) {
	return ask(ctx, c, endEntrustment, &entrustmentRequest{id})
}

// Certificate gives the certificate of an ended entrustment.
func (c *Client) Certificate(ctx context.Context, id string) ([]byte, error) {
	return ask(ctx, c, certificate, &entrustmentRequest{id})
}

// Backup copies the vault to a new directory.
func (c *Client) Backup(ctx context.Context, req BackupRequest) (Backup, error) {
	return ask(ctx, c, backup, &req)
}

// ConfirmRestore answers for what a restored vault can't know.
func (c *Client) ConfirmRestore(ctx context.Context) (Ack, error) {
	return ask(ctx, c, confirmRestore, &nothing{})
}

// Rotate replaces the vault key.
func (c *Client) Rotate(ctx context.Context) (Rotation, error) {
	return ask(ctx, c, rotate, &nothing{})
}
