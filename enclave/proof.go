package enclave

import (
	"context"
	"encoding/json"
	"fmt"

	"awase/entrustment"
)

// LogKey gives the verifier key of receipts and of the log's checkpoints.
func (e *Enclave) LogKey(context.Context) (string, error) {
	return e.vault.Signer().VerifierKey(), nil
}

// LogProof gives the JSON of a receipt.Consistency between two sizes of the log;
// to 0 is the log as it is now.
func (e *Enclave) LogProof(_ context.Context, from, to int64) ([]byte, error) {
	if n := int64(len(e.vault.Log().Records())); min(from, to) < 0 || max(from, to) > n {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Clause: "DESIGN §5", Field: "checkpoint",
			Detail: fmt.Sprintf("it is of a log of %s, and this one has %d: the vault was rolled back, or the checkpoint is of another", entrustment.Count(max(from, to), "entry", "entries"), n),
			Mend:   "compare the checkpoint's origin with that of awase log key, and ask the operator which state of the vault this is"}
	}
	if to > 0 && from > to {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Clause: "DESIGN §5", Field: "checkpoint",
			Detail: "the earlier checkpoint is of a longer log than the later one", Mend: "name them the other way round"}
	}
	c, err := e.vault.Log().Consistency(from, to)
	if err != nil {
		return nil, err
	}
	return json.Marshal(c)
}
