package client

import (
	"context"
	"net/url"

	"awase/enclave/wire"
	"awase/entrustment"
)

// Evidence gives the signed evidence of an entrustment, for one's own party, or, of
// an incident, of the room.
func (r *Room) Evidence(ctx context.Context, req wire.EvidenceRequest) ([]byte, error) {
	if req.Party != "" {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Clause: "docs/supervision.md", Field: "party", Detail: "over the network evidence is for the party whose token is shown",
			Mend: "leave --party out"}
	}
	q := url.Values{"format": {"json"}}
	for name, day := range map[string]entrustment.Date{"from": req.From, "to": req.To} {
		if !day.IsZero() {
			q.Set(name, day.String())
		}
	}
	if req.Entrustment == "" {
		return r.rawJSON(ctx, "/v1/incident?"+q.Encode())
	}
	raw, err := r.rawJSON(ctx, "/v1/entrustments/"+url.PathEscape(req.Entrustment)+"/evidence?"+q.Encode())
	return raw, noEntrustment(err, req.Entrustment)
}
