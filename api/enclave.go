package api

import (
	"context"

	"awase/enclave/wire"
	"awase/entrustment"
)

// Enclave is what the service asks of the isolated one, a part of wire.Enclave and
// what wire.Catalogue and wire.Work add.
type Enclave interface {
	AddParty(ctx context.Context, p *entrustment.Party) (wire.Ack, error)
	SetPolicies(ctx context.Context, p *entrustment.Policies) (wire.Ack, error)
	SetGate(ctx context.Context, file string, doc []byte) (wire.Ack, error)
	Gate(ctx context.Context) (*wire.Gate, error)
	GateChanges(ctx context.Context, file string, doc []byte) ([]wire.GateChange, error)
	Entrustments(ctx context.Context) ([]string, error)
	Entrust(ctx context.Context, c *entrustment.Contract) (wire.Ack, error)
	Terms(ctx context.Context, entrustmentID string) (wire.Terms, error)
	Price(ctx context.Context, q *entrustment.Question, expect int64) (wire.Price, error)
	Reserve(ctx context.Context, req wire.ReserveRequest) (wire.Reserved, error)
	Free(ctx context.Context, name string) (wire.Reserved, error)
	PriceReserved(ctx context.Context, name string, expect int64) (wire.Price, error)
	Ledger(ctx context.Context, req wire.LedgerRequest) (*wire.Ledger, error)
	AcceptClock(ctx context.Context) (wire.ClockState, error)
	LogKey(ctx context.Context) (string, error)
	LogProof(ctx context.Context, from, to int64) ([]byte, error)
	Attestation(ctx context.Context, nonce string) ([]byte, error)
	wire.Officers
	wire.Vault
	wire.Catalogue
	wire.Subjects
	wire.Disclosures
	wire.Evidence
	wire.Campaigns
	wire.Work
}
