package client

import (
	"context"
	"net/url"
	"strconv"

	"awase/enclave/wire"
	"awase/entrustment"
)

// PriceCampaign says what a campaign costs.
func (r *Room) PriceCampaign(ctx context.Context, req wire.CampaignRequest) (*wire.CampaignPrice, error) {
	p, err := post[*wire.CampaignPrice](ctx, r, "/v1/campaign-prices", map[string]any{"campaign": req.Campaign, "expect": req.Expect})
	return p, noEntrustment(err, req.Campaign.Entrustment)
}

// campaignPath is the address of a campaign.
func campaignPath(entrustmentID, campaign string) string {
	return "/v1/campaigns/" + url.PathEscape(entrustmentID) + "/" + url.PathEscape(campaign)
}

// SubmitCampaign submits a campaign, or its next version.
func (r *Room) SubmitCampaign(ctx context.Context, req wire.CampaignRequest) (wire.Ack, error) {
	a, err := putJSON[wire.Ack](ctx, r, campaignPath(req.Campaign.Entrustment, req.Campaign.ID), req.Campaign)
	return a, noEntrustment(err, req.Campaign.Entrustment)
}

// Campaigns gives the campaigns under an entrustment, without their deliveries: Campaign
// gives one with them.
func (r *Room) Campaigns(ctx context.Context, entrustmentID string) ([]wire.Campaign, error) {
	all, err := pagesOf[wire.Campaign](ctx, r, "/v1/campaigns", url.Values{"entrustment": {entrustmentID}})
	return all, noEntrustment(err, entrustmentID)
}

// Campaign gives a campaign with its deliveries.
func (r *Room) Campaign(ctx context.Context, ref wire.CampaignRef) (*wire.Campaign, error) {
	at := campaignPath(ref.Entrustment, ref.Campaign)
	m, err := get[*wire.Campaign](ctx, r, at)
	if err != nil {
		return nil, noCampaign(err, ref)
	}
	m.Deliveries, err = pages[wire.Delivery](ctx, r, at+"/deliveries")
	return m, noCampaign(err, ref)
}

// DeliverCampaign makes what is due of a campaign, and gives how it stands then. What
// takes longer goes on in the room, and it is given how it stands now.
func (r *Room) DeliverCampaign(ctx context.Context, ref wire.CampaignRef) (*wire.Campaign, error) {
	if err := r.Post(ctx, campaignPath(ref.Entrustment, ref.Campaign)+"/deliver", NewKey(), nil, nil); err != nil {
		return nil, noCampaign(err, ref)
	}
	return r.Campaign(ctx, ref)
}

// CloseCampaign ends a campaign.
func (r *Room) CloseCampaign(ctx context.Context, ref wire.CampaignRef) (wire.Ack, error) {
	a, err := post[wire.Ack](ctx, r, campaignPath(ref.Entrustment, ref.Campaign)+"/close", map[string]any{"confirm": ref.Campaign})
	return a, noCampaign(err, ref)
}

// Deliveries gives the deliveries that are made out to the party, which the room knows.
func (r *Room) Deliveries(ctx context.Context, req wire.DeliveriesRequest) ([]wire.Delivery, error) {
	q := url.Values{}
	if req.Entrustment != "" {
		q.Set("entrustment", req.Entrustment)
	}
	return pagesOf[wire.Delivery](ctx, r, "/v1/deliveries", q)
}

// deliveryPath is the address of a delivery.
func deliveryPath(ref *wire.DeliveryRef) string {
	return "/v1/deliveries/" + url.PathEscape(ref.Entrustment) + "/" + url.PathEscape(ref.Campaign) + "/" + strconv.Itoa(ref.Number)
}

// Delivery gives one that can be fetched now.
func (r *Room) Delivery(ctx context.Context, ref wire.DeliveryRef) (*wire.Delivery, error) {
	d, err := get[*wire.Delivery](ctx, r, deliveryPath(&ref))
	return d, noDelivery(err)
}

// ReportDelivery says what became of a delivery: its status and, of one that failed, its
// reason, and nothing else.
func (r *Room) ReportDelivery(ctx context.Context, req wire.DeliveryReport) (wire.Ack, error) {
	word := map[string]any{"status": req.Status}
	if req.Reason != "" {
		word["reason"] = req.Reason
	}
	a, err := post[wire.Ack](ctx, r, deliveryPath(&req.DeliveryRef)+"/report", word)
	return a, noDelivery(err)
}

// noCampaign is unknown of a campaign.
func noCampaign(err error, ref wire.CampaignRef) error {
	return unknown(err, "campaign", "there is no campaign "+entrustment.Quote(ref.Campaign)+" under "+entrustment.Quote(ref.Entrustment)+", or it is not your party's", "awase campaign list shows them")
}

func noDelivery(err error) error {
	return unknown(err, "delivery", "there is no such delivery that is made out to your party, or it can't be fetched any more", "list those that there are: awase courier fetch -n")
}
