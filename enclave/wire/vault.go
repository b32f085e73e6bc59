package wire

import (
	"context"

	"awase/crypto/approval"
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
	// An officer of its principal or its trustee signs for it.
	EndEntrustment(ctx context.Context, id string, by ByOfficer) ([]byte, error)
	// Certificate gives the certificate of an ended entrustment as it is now.
	Certificate(ctx context.Context, id string) ([]byte, error)
	// Rotate replaces the vault key. It changes no token, noise or receipt. An officer
	// of the operator signs for it.
	Rotate(ctx context.Context, by ByOfficer) (Rotation, error)
	// ToSign gives what one officer signs for an act: "end" of the entrustment id,
	// "rotate", or "engine" to the engine id.
	ToSign(ctx context.Context, act, id string) (ToSign, error)
	// Backup copies the vault as it is now to a new directory.
	Backup(ctx context.Context, req BackupRequest) (Backup, error)
	// ConfirmRestore answers for what a restored vault can't know, or drafts that.
	ConfirmRestore(ctx context.Context) (Ack, error)
}

// BackupRequest says where a backup goes, and how long it is kept.
type BackupRequest struct {
	Dir     string           `json:"dir"`     // an absolute path or, of a served enclave, a name in its directory for backups
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

// ToSign is what one officer signs for an act.
type ToSign struct {
	// Statement is what is signed, less nonce and day; nil: no signature is asked.
	Statement *approval.Statement `json:"statement,omitempty"`
	Parties   []string            `json:"parties,omitempty"` // an officer of one of these
	Now       string              `json:"now"`               // the vault's time, by which a signature lapses
}

type (
	entrustmentRequest struct {
		Entrustment string `json:"entrustment"`
	}
	endRequest struct {
		Entrustment string    `json:"entrustment"`
		By          ByOfficer `json:"by"`
	}
	rotateRequest struct {
		By ByOfficer `json:"by"`
	}
	toSignRequest struct {
		Act string `json:"act"`
		ID  string `json:"id,omitempty"`
	}
)

var (
	endEntrustment = route[endRequest, []byte]{"end-entrustment", func(ctx context.Context, e Enclave, q *endRequest) ([]byte, error) {
		return e.EndEntrustment(ctx, q.Entrustment, q.By)
	}}
	certificate = route[entrustmentRequest, []byte]{"certificate", func(ctx context.Context, e Enclave, q *entrustmentRequest) ([]byte, error) {
		return e.Certificate(ctx, q.Entrustment)
	}}
	rotate = route[rotateRequest, Rotation]{"rotate", func(ctx context.Context, e Enclave, q *rotateRequest) (Rotation, error) {
		return e.Rotate(ctx, q.By)
	}}
	toSign = route[toSignRequest, ToSign]{"to-sign", func(ctx context.Context, e Enclave, q *toSignRequest) (ToSign, error) {
		return e.ToSign(ctx, q.Act, q.ID)
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
	on(h, toSign)
	on(h, backup)
	on(h, confirmRestore)
}

// EndEntrustment ends an entrustment for good.
func (c *Client) EndEntrustment(ctx context.Context, id string, by ByOfficer) ([]byte, error) {
	return ask(ctx, c, endEntrustment, &endRequest{id, by})
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
func (c *Client) Rotate(ctx context.Context, by ByOfficer) (Rotation, error) {
	return ask(ctx, c, rotate, &rotateRequest{by})
}

// ToSign gives what one officer signs for an act.
func (c *Client) ToSign(ctx context.Context, act, id string) (ToSign, error) {
	return ask(ctx, c, toSign, &toSignRequest{act, id})
}
