package client

import (
	"context"

	"awase/enclave/wire"
)

func campaignsAtTheMachine() error { return atTheMachine("a campaign", "docs/campaigns.md") }

// PriceCampaign is done at the machine.
func (r *Room) PriceCampaign(context.Context, wire.CampaignRequest) (*wire.CampaignPrice, error) {
	return nil, campaignsAtTheMachine()
}

// SubmitCampaign is done at the machine.
func (r *Room) SubmitCampaign(context.Context, wire.CampaignRequest) (wire.Ack, error) {
	return wire.Ack{}, campaignsAtTheMachine()
}

// Campaigns is done at the machine.
func (r *Room) Campaigns(context.Context, string) ([]wire.Campaign, error) {
	return nil, campaignsAtTheMachine()
}

// DeliverCampaign is done at the machine.
func (r *Room) DeliverCampaign(context.Context, wire.CampaignRef) (*wire.Campaign, error) {
	return nil, campaignsAtTheMachine()
}

// CloseCampaign is done at the machine.
func (r *Room) CloseCampaign(context.Context, wire.CampaignRef) (wire.Ack, error) {
	return wire.Ack{}, campaignsAtTheMachine()
}

// Deliveries is done at the machine.
func (r *Room) Deliveries(context.Context, wire.DeliveriesRequest) ([]wire.Delivery, error) {
	return nil, campaignsAtTheMachine()
}

// Delivery is done at the machine.
func (r *Room) Delivery(context.Context, wire.DeliveryRef) (*wire.Delivery, error) {
	return nil, campaignsAtTheMachine()
}

// ReportDelivery is done at the machine.
func (r *Room) ReportDelivery(context.Context, wire.DeliveryReport) (wire.Ack, error) {
	return wire.Ack{}, campaignsAtTheMachine()
}
