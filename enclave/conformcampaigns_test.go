package enclave

import (
	"context"
	"fmt"

	"awase/enclave/wire"
	"awase/entrustment"
)

func (h *heard) PriceCampaign(ctx context.Context, r wire.CampaignRequest) (*wire.CampaignPrice, error) {
	a, err := h.of.PriceCampaign(ctx, r)
	return note(h, "PriceCampaign", a, err)
}

func (h *heard) SubmitCampaign(ctx context.Context, r wire.CampaignRequest) (wire.Ack, error) {
	a, err := h.of.SubmitCampaign(ctx, r)
	return note(h, "SubmitCampaign", a, err)
}

func (h *heard) Campaigns(ctx context.Context, id string) ([]wire.Campaign, error) {
	a, err := h.of.Campaigns(ctx, id)
	return note(h, "Campaigns", a, err)
}

func (h *heard) DeliverCampaign(ctx context.Context, r wire.CampaignRef) (*wire.Campaign, error) {
	a, err := h.of.DeliverCampaign(ctx, r)
	return note(h, "DeliverCampaign", a, err)
}

func (h *heard) CloseCampaign(ctx context.Context, r wire.CampaignRef) (wire.Ack, error) {
	a, err := h.of.CloseCampaign(ctx, r)
	return note(h, "CloseCampaign", a, err)
}

func (h *heard) Deliveries(ctx context.Context, r wire.DeliveriesRequest) ([]wire.Delivery, error) {
	a, err := h.of.Deliveries(ctx, r)
	return note(h, "Deliveries", a, err)
}

func (h *heard) Delivery(ctx context.Context, r wire.DeliveryRef) (*wire.Delivery, error) {
	a, err := h.of.Delivery(ctx, r)
	return note(h, "Delivery", a, err)
}

func (h *heard) ReportDelivery(ctx context.Context, r wire.DeliveryReport) (wire.Ack, error) {
	a, err := h.of.ReportDelivery(ctx, r)
	return note(h, "ReportDelivery", a, err)
}

// askCampaigns asks for campaigns. The room of the conformance tests delivers nothing:
// what there is to be told of one is in TestCampaignTold.
func askCampaigns(ctx context.Context, e wire.Enclave, id string) {
	m, err := entrustment.ParseCampaign("campaign.yaml", fmt.Appendf(nil, "schema: awase.campaign/v1\nid: spring\nentrustment: %s\nlist: l\ndestination: {receiver: adco, form: meta}\nfrom: 2026-05-01\nuntil: 2026-05-31\n", id))
	if err != nil {
		return
	}
	_, _ = e.PriceCampaign(ctx, wire.CampaignRequest{Campaign: m, Expect: 3})
	_, _ = e.SubmitCampaign(ctx, wire.CampaignRequest{Campaign: m, Party: "acme"})
	_, _ = e.Campaigns(ctx, id)
	_, _ = e.DeliverCampaign(ctx, wire.CampaignRef{Entrustment: id, Campaign: "spring"})
	_, _ = e.CloseCampaign(ctx, wire.CampaignRef{Entrustment: id, Campaign: "spring", Party: "acme"})
	_, _ = e.Deliveries(ctx, wire.DeliveriesRequest{Entrustment: id})
	_, _ = e.Deliveries(ctx, wire.DeliveriesRequest{})
	_, _ = e.Delivery(ctx, wire.DeliveryRef{Entrustment: id, Campaign: "spring", Number: 1, Receiver: "adco"})
	_, _ = e.ReportDelivery(ctx, wire.DeliveryReport{DeliveryRef: wire.DeliveryRef{Entrustment: id, Campaign: "spring", Number: 1}, Status: wire.DeliveryDone})
}
