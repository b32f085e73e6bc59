package enclave

import (
	"context"
	"encoding/json"
	"fmt"

	"awase/crypto/receipt"
	"awase/enclave/wire"
	"awase/entrustment"
)

func (h *heard) Evidence(ctx context.Context, req wire.EvidenceRequest) ([]byte, error) {
	a, err := h.of.Evidence(ctx, req)
	said := ""
	if err == nil {
		e, verr := receipt.VerifyEvidence(a, nil)
		if verr != nil {
			return a, verr
		}
		var f wire.EvidenceFile
		if err := json.Unmarshal(a, &f); err != nil {
			return a, err
		}
		said = fmt.Sprint(len(e.Entries), e.Size, len(f.Contracts), f.Uploads != nil, len(f.Releases), len(f.Provisions), len(f.Ends))
	}
	_, err = note(h, "Evidence", said, err)
	return a, err
}

// askEvidence asks for evidence, refusals too.
func askEvidence(ctx context.Context, e wire.Enclave) {
	first, last := entrustment.Date{Year: 2020, Month: 1, Day: 1}, entrustment.Date{Year: 2096, Month: 1, Day: 1}
	for _, r := range []wire.EvidenceRequest{
		{Entrustment: "e"}, {Entrustment: "e", Party: "acme"}, {Entrustment: "e", Party: "nobody"}, {Entrustment: "nobody"}, {Entrustment: "e", From: last, To: first}, {Entrustment: "e", From: last},
		{From: first, To: last}, {From: first}, {}, {Party: "acme", From: first, To: last},
	} {
		_, _ = e.Evidence(ctx, r)
	}
}
