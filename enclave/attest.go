package enclave

import (
	"context"
	"fmt"
	"strings"

	"awase/crypto/receipt"
	"awase/enclave/sandbox"
	"awase/entrustment"
)

// self is what the process knows of itself, beside its vault.
type self struct {
	confined *sandbox.Statement
	build    string
	inbox    string
	outbox   string
	backups  string
}

// needed are the pieces without which a vault with officers is not opened,
// whatever is allowed to be missing: without these nothing of the others holds.
var needed = []sandbox.Name{sandbox.NoNewPrivs, sandbox.Files, sandbox.SystemCalls, sandbox.NotDumpable}

// enough refuses a process that is not confined enough for a vault with officers.
func (o *Options) enough() error {
	refused := &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §4", Field: "vault",
		Detail: "this vault is one that officers sign for, and is opened by a confined process alone", Mend: "serve it with awase serve, and ask with --enclave in place of --vault"}
	if o.Confined == nil {
		return refused
	}
	var missing []string
	for _, n := range needed {
		if !o.Confined.Piece(n).InForce {
			missing = append(missing, string(n))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	refused.Detail += ", which this one is not: " + strings.Join(missing, ", ") + " missing"
	refused.Mend = "run it on a kernel that has them (docs/confinement.md)"
	return refused
}

// Confinement is what receipts say of the process: receipt.Words says it in a
// sentence.
func (e *Enclave) Confinement() string { return e.statement().Short() }

func (e *Enclave) statement() *sandbox.Statement {
	if e.self.confined == nil {
		return sandbox.Unconfined("it was not asked for")
	}
	return e.self.confined
}

// Attestation gives the signed JSON of a receipt.Attestation that answers nonce.
// What confines the process is tried once more before it is signed.
func (e *Enclave) Attestation(_ context.Context, nonce string) ([]byte, error) {
	if err := receipt.CheckNonce(nonce); err != nil {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Clause: "DESIGN §4", Field: "nonce", Detail: "it is none", Mend: err.Error()}
	}
	s := e.statement()
	if e.self.confined != nil {
		if err := s.Verify(); err != nil {
			return nil, fmt.Errorf("attesting: %w", err)
		}
	}
	key, err := e.opener.Public().MarshalText()
	if err != nil {
		return nil, fmt.Errorf("attesting: the sealing key: %w", err)
	}
	a := receipt.Attestation{
		Nonce: nonce, Dev: e.vault.Dev(), Build: e.self.build, Policy: e.gate.Policy().Version().String(), SealingKey: string(key),
		Confinement: receipt.Confinement{Short: s.Short(), System: s.System, LandlockABI: s.LandlockABI},
		Swap:        receipt.Swap{Known: s.Swap.Known, InUse: s.Swap.InUse, KeyLocked: e.vault.KeyLocked()},
	}
	e.mu.Lock()
	if e.countsOutside() {
		a.Engine = &receipt.CountingEngine{Name: e.state.engine.Engine, Shards: e.state.engine.Shards, Servers: texts(e.state.engine.Servers), Others: e.outer.open == nil || !e.ours()}
	}
	e.mu.Unlock()
	for _, p := range s.Pieces {
		a.Confinement.Pieces = append(a.Confinement.Pieces, receipt.Piece{Name: string(p.Name), InForce: p.InForce, Tried: p.Tried, Reason: p.Reason})
	}
	return e.vault.Signer().Attest(a)
}
