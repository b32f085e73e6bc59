package wire

import (
	"context"
	"encoding/json"

	"awase/entrustment"
)

// Campaigns is the life of campaigns and of their deliveries (PRIVACY rules 12 and 13).
// What is told of a campaign are public facts: no size, no number of members. A
// delivery is a file of the outbox, sealed to the party that acts on it.
//
// The enclave makes what is due by itself, from a minute to the next, on the campaign's
// days: the first delivery, one anew every refresh days, and each day the removal of
// who asked for deletion or a stop of use.
type Campaigns interface {
	// PriceCampaign says what a campaign would cost: its deliveries, and the results
	// that it wants. It charges nothing.
	PriceCampaign(ctx context.Context, req CampaignRequest) (*CampaignPrice, error)
	// SubmitCampaign puts the price of the results aside and drafts the campaign for the
	// officers of its contract's parties; where nobody signs it is in force at once. The
	// same id again amends it.
	SubmitCampaign(ctx context.Context, req CampaignRequest) (Ack, error)
	// Campaigns gives the campaigns under an entrustment, by id; those that wait for
	// signatures too.
	Campaigns(ctx context.Context, entrustmentID string) ([]Campaign, error)
	// DeliverCampaign makes what is due of a campaign now, at the gate's tick, and gives
	// how it stands then.
	DeliverCampaign(ctx context.Context, ref CampaignRef) (*Campaign, error)
	// CloseCampaign ends a campaign before its last day: nothing is delivered after it but,
	// where people are still delivered to, their removal. What was put aside for results
	// stays until they are asked for, or its day.
	CloseCampaign(ctx context.Context, ref CampaignRef) (Ack, error)
	// Deliveries gives the deliveries that can be fetched, oldest first, of one
	// entrustment, or of all that a receiver is made out to.
	Deliveries(ctx context.Context, req DeliveriesRequest) ([]Delivery, error)
	// Delivery gives one that can be fetched now: its file lies in the outbox.
	Delivery(ctx context.Context, ref DeliveryRef) (*Delivery, error)
	// ReportDelivery says, for the receiver, what became of a delivery. The last word
	// counts.
	ReportDelivery(ctx context.Context, req DeliveryReport) (Ack, error)
}

// CampaignRequest is a campaign that somebody wants.
type CampaignRequest struct {
	Campaign *entrustment.Campaign
	Party    string // whose people ask, "": who keeps the vault
	Expect   int64  // people that it is thought to reach, held out or not; 0: nobody can say
}

// CampaignRef names a campaign.
type CampaignRef struct {
	Entrustment string `json:"entrustment"`
	Campaign    string `json:"campaign"`
	Party       string `json:"party,omitempty"` // whose people ask, "": who keeps the vault
}

// CampaignPrice is what a campaign costs, from public facts alone.
type CampaignPrice struct {
	Delivery   Price         `json:"delivery"`   // of one: an audience counted for it
	Deliveries int           `json:"deliveries"` // that its days have at most; one of an audience that did not change costs nothing
	Results    []ResultPrice `json:"results"`
	Lift       *LiftExpected `json:"lift,omitempty"`  // of a campaign that wants the report and an asker who said how many people
	Short      []ShortOf     `json:"short,omitempty"` // what does not fit now, and how it would; none: all does
}

// ResultPrice is what one of the wanted results costs.
type ResultPrice struct {
	Report   string                `json:"report"`
	Question *entrustment.Question `json:"question"`
	Price    Price                 `json:"price"`
}

// LiftExpected says how sure a lift report can be (PRIVACY rule 13).
type LiftExpected struct {
	Converters float64 `json:"converters"` // expected among who is held out
	Least      int64   `json:"least"`      // that there should be: five times the noise of their number
	Enough     bool    `json:"enough"`
}

// ShortOf says what of a campaign can't be paid for.
type ShortOf struct {
	What string `json:"what"` // "delivery", or a report
	Short
}

// Campaign is how a campaign stands.
type Campaign struct {
	Entrustment string                `json:"entrustment"`
	ID          string                `json:"id"`
	Version     int                   `json:"version"` // 0: none is in force yet
	State       string                `json:"state"`   // one of the Campaign constants
	Steps       []CampaignStep        `json:"steps"`   // its life so far, in the order of the Step constants
	Document    *entrustment.Campaign `json:"document"`
	Draft       *Draft                `json:"draft,omitempty"` // that waits for signatures
	Next        string                `json:"next,omitempty"`  // RFC 3339, UTC: when something is due
	Stopped     *Short                `json:"stopped,omitempty"`
	Deliveries  []Delivery            `json:"deliveries"` // all that were made and are kept, oldest first
	Held        []string              `json:"held"`       // reservations of its results
}

// States of a campaign.
const (
	CampaignWaits    = "waiting"   // for signatures
	CampaignApproved = "approved"  // nothing was delivered yet
	CampaignSmall    = "too-small" // its audience did not pass the least size
	CampaignLive     = "delivered"
	CampaignOver     = "over" // its days are
	CampaignClosed   = "closed"
)

// CampaignStep is one step of a campaign's life.
type CampaignStep struct {
	Step  string `json:"step"`         // one of the Step constants
	At    string `json:"at,omitempty"` // RFC 3339, UTC; "": not yet
	Entry int64  `json:"log_entry,omitempty"`
}

// The steps, in the same words for everyone.
const (
	StepReceived  = "received"  // its list was
	StepChecked   = "checked"   // and every row of it
	StepMatched   = "matched"   // it can be joined with the base
	StepSized     = "sized"     // the audience's size was released
	StepApproved  = "approved"  // by the officers of both parties
	StepDelivered = "delivered" // to its receiver
	StepResults   = "results"   // one was released
)

// Steps gives the steps in their order.
func Steps() []string {
	return []string{StepReceived, StepChecked, StepMatched, StepSized, StepApproved, StepDelivered, StepResults}
}

// DeliveriesRequest says whose deliveries are asked for: of an entrustment, or all that
// are made out to a receiver; both narrow.
type DeliveriesRequest struct {
	Entrustment string `json:"entrustment,omitempty"`
	Receiver    string `json:"receiver,omitempty"`
}

// DeliveryRef names a delivery.
type DeliveryRef struct {
	Entrustment string `json:"entrustment"`
	Campaign    string `json:"campaign"`
	Number      int    `json:"number"`
	Receiver    string `json:"receiver,omitempty"` // whose people ask: it has to be made out to them; "": who keeps the vault
}

// Delivery is one delivery, as everyone of its contract is told of it.
type Delivery struct {
	Entrustment string `json:"entrustment"`
	Campaign    string `json:"campaign"`
	Number      int    `json:"number"` // in the campaign, from 1
	Receiver    string `json:"receiver"`
	Form        string `json:"form"`
	Channel     string `json:"channel,omitempty"`
	Act         string `json:"act"` // "replace" | "remove"
	Created     string `json:"created"`
	Expires     string `json:"expires"`
	Status      string `json:"status"` // one of the Delivery constants
	Reason      string `json:"reason,omitempty"`
	StatusAt    string `json:"status_at,omitempty"`
	Seq         int64  `json:"log_entry"`

	// For the receiver alone, and while the file is there: its name in the outbox, its
	// size, its SHA-256 in hex.
	File   string `json:"file,omitempty"`
	Bytes  int64  `json:"bytes,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
}

// States of a delivery.
const (
	DeliveryReady      = "ready"      // it can be fetched
	DeliveryDone       = "delivered"  // its receiver says so
	DeliveryFailed     = "failed"     // likewise; Reason says why
	DeliverySuperseded = "superseded" // a newer one stands for it, or the campaign was closed
	DeliveryExpired    = "expired"
)

// DeliveryReport is what a receiver says of a delivery: no count, no number of a batch.
type DeliveryReport struct {
	DeliveryRef
	Status string `json:"status"` // DeliveryDone | DeliveryFailed
	Reason string `json:"reason,omitempty"`
}

type (
	campaignRequest struct {
		Campaign json.RawMessage `json:"campaign"`
		Party    string          `json:"party,omitempty"`
		Expect   int64           `json:"expect,omitempty"`
	}
)

var (
	priceCampaign = route[campaignRequest, *CampaignPrice]{"price-campaign", func(ctx context.Context, e Enclave, q *campaignRequest) (*CampaignPrice, error) {
		return parsed(q.Campaign, "campaign", entrustment.ParseCampaign, func(m *entrustment.Campaign) (*CampaignPrice, error) {
			return e.PriceCampaign(ctx, CampaignRequest{m, q.Party, q.Expect})
		})
	}}
	submitCampaign = route[campaignRequest, Ack]{"submit-campaign", func(ctx context.Context, e Enclave, q *campaignRequest) (Ack, error) {
		return parsed(q.Campaign, "campaign", entrustment.ParseCampaign, func(m *entrustment.Campaign) (Ack, error) {
			return e.SubmitCampaign(ctx, CampaignRequest{m, q.Party, q.Expect})
		})
	}}
	campaigns = route[termsRequest, []Campaign]{"campaigns", func(ctx context.Context, e Enclave, q *termsRequest) ([]Campaign, error) {
		return e.Campaigns(ctx, q.Entrustment)
	}}
	deliverCampaign = route[CampaignRef, *Campaign]{"deliver-campaign", func(ctx context.Context, e Enclave, q *CampaignRef) (*Campaign, error) {
		return e.DeliverCampaign(ctx, *q)
	}}
	closeCampaign = route[CampaignRef, Ack]{"close-campaign", func(ctx context.Context, e Enclave, q *CampaignRef) (Ack, error) {
		return e.CloseCampaign(ctx, *q)
	}}
	deliveries = route[DeliveriesRequest, []Delivery]{"deliveries", func(ctx context.Context, e Enclave, q *DeliveriesRequest) ([]Delivery, error) {
		return e.Deliveries(ctx, *q)
	}}
	oneDelivery = route[DeliveryRef, *Delivery]{"delivery", func(ctx context.Context, e Enclave, q *DeliveryRef) (*Delivery, error) {
		return e.Delivery(ctx, *q)
	}}
	reportDelivery = route[DeliveryReport, Ack]{"report-delivery", func(ctx context.Context, e Enclave, q *DeliveryReport) (Ack, error) {
		return e.ReportDelivery(ctx, *q)
	}}
)

// onCampaigns answers the routes of Campaigns.
func onCampaigns(h *handler) {
	on(h, priceCampaign)
	on(h, submitCampaign)
	on(h, campaigns)
	on(h, deliverCampaign)
	on(h, closeCampaign)
	on(h, deliveries)
	on(h, oneDelivery)
	on(h, reportDelivery)
}

// PriceCampaign says what a campaign would cost.
func (c *Client) PriceCampaign(ctx context.Context, req CampaignRequest) (*CampaignPrice, error) {
	return askAbout(ctx, c, priceCampaign, req.Campaign, func(doc json.RawMessage) *campaignRequest {
		return &campaignRequest{doc, req.Party, req.Expect}
	})
}

// SubmitCampaign drafts a campaign, or puts it in force.
func (c *Client) SubmitCampaign(ctx context.Context, req CampaignRequest) (Ack, error) {
	return askAbout(ctx, c, submitCampaign, req.Campaign, func(doc json.RawMessage) *campaignRequest {
		return &campaignRequest{doc, req.Party, req.Expect}
	})
}

// Campaigns gives the campaigns under an entrustment.
func (c *Client) Campaigns(ctx context.Context, entrustmentID string) ([]Campaign, error) {
	return ask(ctx, c, campaigns, &termsRequest{entrustmentID})
}

// DeliverCampaign makes what is due of a campaign.
func (c *Client) DeliverCampaign(ctx context.Context, ref CampaignRef) (*Campaign, error) {
	return ask(ctx, c, deliverCampaign, &ref)
}

// CloseCampaign ends a campaign.
func (c *Client) CloseCampaign(ctx context.Context, ref CampaignRef) (Ack, error) {
	return ask(ctx, c, closeCampaign, &ref)
}

// Deliveries gives the deliveries that can be fetched.
func (c *Client) Deliveries(ctx context.Context, req DeliveriesRequest) ([]Delivery, error) {
	return ask(ctx, c, deliveries, &req)
}

// Delivery gives one that can be fetched now.
func (c *Client) Delivery(ctx context.Context, ref DeliveryRef) (*Delivery, error) {
	return ask(ctx, c, oneDelivery, &ref)
}

// ReportDelivery says what became of a delivery.
func (c *Client) ReportDelivery(ctx context.Context, req DeliveryReport) (Ack, error) {
	return ask(ctx, c, reportDelivery, &req)
}
