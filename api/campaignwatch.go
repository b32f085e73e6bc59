package api

import (
	"context"
	"encoding/json"
	"strconv"

	"awase/api/store"
	"awase/enclave/wire"
)

// toldOfCampaign is what an entry of the record log tells of a campaign.
type toldOfCampaign struct {
	Campaign string `json:"campaign"`
	Number   int    `json:"number"`
	Receiver string `json:"receiver"`
	Small    bool   `json:"too_small"`
	Status   string `json:"status"`
	Reason   string `json:"reason"`
}

// tellOfDelivery tells of an entry by which a delivery can be fetched, was too small, or
// failed at its receiver: the receiver's ad-ops of the first, the marketing people of
// both sides of the contract of the others. Once for each entry, whatever front is up.
func (s *Server) tellOfDelivery(ctx context.Context, e *wire.LogEntry) error {
	var said toldOfCampaign
	if err := json.Unmarshal(e.Detail, &said); err != nil {
		return err
	}
	details := map[string]string{"campaign": said.Campaign, "path": "/v1/campaigns/" + e.Entrustment + "/" + said.Campaign}
	switch {
	case e.Kind == "delivery" && said.Small:
		return s.tellSides(ctx, store.EventCampaignSmall, e, details)
	case e.Kind == "delivery":
		return s.deliveryReady(ctx, said.Receiver, e.Entrustment, said.Campaign, e.Seq)
	case said.Status == wire.DeliveryFailed:
		details["reason"] = said.Reason
		return s.tellSides(ctx, store.EventDeliveryFailed, e, details)
	}
	return nil
}

func (s *Server) deliveryReady(ctx context.Context, receiver, entrustment, campaign string, seq int64) error {
	data, err := json.Marshal(map[string]string{"campaign": campaign, "path": "/v1/deliveries"})
	if err != nil {
		return err
	}
	return s.tell(ctx, store.Event{ID: "evt-" + store.EventDeliveryReady + "-" + strconv.FormatInt(seq, 10), Party: receiver, Kind: store.EventDeliveryReady, Subject: entrustment, Data: data})
}

// tellSides tells the sides of a contract.
func (s *Server) tellSides(ctx context.Context, kind string, e *wire.LogEntry, details map[string]string) error {
	data, err := json.Marshal(details)
	if err != nil {
		return err
	}
	contracts, err := s.Enclave.Contracts(ctx)
	if err != nil {
		return err
	}
	for i := range contracts {
		c := &contracts[i]
		if c.ID != e.Entrustment || len(c.Versions) == 0 {
			continue
		}
		for _, party := range c.Versions[0].Contract.Signers() {
			id := "evt-" + kind + "-" + strconv.FormatInt(e.Seq, 10) + "-" + party
			if err := s.tell(ctx, store.Event{ID: id, Party: party, Kind: kind, Subject: c.ID, Data: data}); err != nil {
				return err
			}
		}
	}
	return nil
}

// deliveriesThere tells, as a front begins, of the deliveries that can be fetched: their
// entries came while none was up.
func (s *Server) deliveriesThere(ctx context.Context) error {
	ids, err := s.Enclave.Entrustments(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		all, err := s.Enclave.Deliveries(ctx, wire.DeliveriesRequest{Entrustment: id})
		if err != nil {
			return err
		}
		for _, d := range all {
			if d.Status != wire.DeliveryReady {
				continue
			}
			if err := s.deliveryReady(ctx, d.Receiver, d.Entrustment, d.Campaign, d.Seq); err != nil {
				return err
			}
		}
	}
	return nil
}
