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

// LogProof gives the JSON of a receipt.Consistency from an earlier size on.
func (e *Enclave) LogProof(_ context.Context, from int64) ([]byte, error) {
	if n := int64(len(e.vault.Log().Records())); from < 0 || from > n {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Clause: "DESIGN §5", Field: "checkpoint",
			Detail: fmt.Sprintf("it is of a log of %d entries, and this one has %d: the vault was rolled back, or the checkpoint is of another", from, n),
			Mend:   "compare the checkpoint's origin with that of awase log key, and ask the operator which state of the vault this is"}
	}
	c, err := e.vault.Log().Consistency(from)
	if err != nil {
		return nil, err
	}
	return json.Marshal(c)
}
