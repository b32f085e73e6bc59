package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
)

// campaignEndpoints are the operations of campaigns (docs/campaigns.md). What is told of
// one are public facts: no size, and no number of those who were delivered.
func (s *Server) campaignEndpoints() []endpoint {
	return []endpoint{
		{"priceCampaign", http.MethodPost, "/v1/campaign-prices", s.priceCampaign},
		{"listCampaigns", http.MethodGet, "/v1/campaigns", s.listCampaigns},
		{"getCampaign", http.MethodGet, "/v1/campaigns/:entrustment/:campaign", s.getCampaign},
		{"putCampaign", http.MethodPut, "/v1/campaigns/:entrustment/:campaign", s.putCampaign},
		{"deliverCampaign", http.MethodPost, "/v1/campaigns/:entrustment/:campaign/deliver", s.deliverCampaign},
		{"closeCampaign", http.MethodPost, "/v1/campaigns/:entrustment/:campaign/close", s.closeCampaign},
		{"campaignDeliveries", http.MethodGet, "/v1/campaigns/:entrustment/:campaign/deliveries", s.campaignDeliveries},
	}
}

// asksCampaigns refuses people of a party that asks nothing under an entrustment that
// they may see.
func (s *Server) asksCampaigns(c *call, id string) error {
	e, err := s.seen(c, id)
	if err != nil {
		return err
	}
	if !s.asks(&e, c.who.Party) {
		return by(&e, "recipients", &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "docs/service.md", Field: "campaign, entrustment",
			Detail: "your party has no campaigns under the entrustment", Mend: "people of its trustee, of sub-trustees whose work it is, of its recipients and of its principal have"})
	}
	return nil
}

// priceCampaign tells what a campaign costs. It charges nothing.
func (s *Server) priceCampaign(c *call) (*answer, error) {
	var body struct {
		Campaign json.RawMessage `json:"campaign"`
		Expect   int64           `json:"expect"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if body.Campaign == nil {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "campaign", Detail: "there is none", Mend: "send campaign.yaml as JSON (docs/documents.md)"}
	}
	m, err := entrustment.ParseCampaign("campaign", body.Campaign)
	if err != nil {
		return nil, err
	}
	if err := s.asksCampaigns(c, m.Entrustment); err != nil {
		return nil, err
	}
	p, err := s.Enclave.PriceCampaign(c.ctx(), wire.CampaignRequest{Campaign: m, Party: s.asker(c.who.Party), Expect: max(0, body.Expect)})
	if err != nil {
		return nil, s.ownSize(c.ctx(), c.who.Party, &entrustment.Question{Entrustment: m.Entrustment}, err)
	}
	if err := s.ownForecasts(c, m, p); err != nil {
		return nil, err
	}
	return ok(p), nil
}

// ownForecasts is ownForecast of all prices of a campaign: it is of those who upload, and
// of whom a result is for.
func (s *Server) ownForecasts(c *call, m *entrustment.Campaign, p *wire.CampaignPrice) error {
	if err := s.ownForecast(c.ctx(), c.who.Party, &p.Delivery, &entrustment.Question{Entrustment: m.Entrustment, Recipient: m.Destination.Receiver}); err != nil {
		return err
	}
	for i := range p.Results {
		if r := &p.Results[i]; r.Question != nil {
			if err := s.ownForecast(c.ctx(), c.who.Party, &r.Price, r.Question); err != nil {
				return err
			}
		}
	}
	return nil
}

// putCampaign submits a campaign, or its next version: a draft where officers sign.
func (s *Server) putCampaign(c *call) (*answer, error) {
	m, err := document(c, entrustment.ParseCampaign)
	if err != nil {
		return nil, err
	}
	if err := c.names("campaign", m.ID); err != nil {
		return nil, err
	}
	if c.param("entrustment") != m.Entrustment {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "entrustment", Detail: "the document is under another entrustment than the address", Mend: "send it to the address of its own entrustment"}
	}
	if err := s.asksCampaigns(c, m.Entrustment); err != nil {
		return nil, err
	}
	a, err := s.put(c, func() (any, error) { return s.campaign(c) }, func() (wire.Ack, error) {
		ack, err := s.Enclave.SubmitCampaign(c.ctx(), wire.CampaignRequest{Campaign: m, Party: s.asker(c.who.Party)})
		ack.Waits = draftFor(c.who, ack.Waits)
		return ack, err
	})
	return a, s.ownSize(c.ctx(), c.who.Party, &entrustment.Question{Entrustment: m.Entrustment}, err)
}

// campaignView is a campaign as people see it. Its deliveries, of which a long campaign
// has hundreds, are a list of their own.
type campaignView struct {
	wire.Campaign
	Deliveries []wire.Delivery `json:"deliveries,omitempty"` // never
}

// viewCampaign shows a campaign to who may see it.
func viewCampaign(who *Principal, m wire.Campaign) campaignView {
	m.Deliveries = nil
	m.Draft = draftFor(who, m.Draft)
	return campaignView{Campaign: m}
}

// draftFor leaves of a draft what people see who don't read drafts (access.yaml): that
// it waits, and for whom.
func draftFor(who *Principal, d *wire.Draft) *wire.Draft {
	if d == nil || slices.Contains(d.Parties, who.Party) && who.has(Admin, Privacy, Auditor) {
		return d
	}
	return &wire.Draft{State: d.State, Hash: d.Hash, Statement: d.Statement, Document: d.Document, Parties: d.Parties, Needs: d.Needs, At: d.At}
}

// campaignsOf gives the campaigns under an entrustment that who asks may see. A
// sub-trustee sees them where that work is its own.
func (s *Server) campaignsOf(c *call, e *wire.EntrustmentInfo) ([]wire.Campaign, error) {
	if !s.sees(c.who, e.Versions[0].Contract.Parties()) || subTrustee(e, c.who.Party) && !s.asks(e, c.who.Party) {
		return nil, nil
	}
	all, err := s.Enclave.Campaigns(c.ctx(), e.ID)
	if err != nil && entrustment.Public(err).Code == entrustment.CodeGone {
		return nil, nil // it ended, and its campaigns with it
	}
	return all, err
}

func (s *Server) listCampaigns(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	var of []wire.EntrustmentInfo
	if id := c.URL.Query().Get("entrustment"); id != "" {
		e, err := s.seen(c, id)
		if err != nil {
			return nil, err
		}
		of = append(of, e)
	} else if of, err = s.Enclave.Contracts(c.ctx()); err != nil {
		return nil, err
	}
	views := []campaignView{}
	for i := range of {
		all, err := s.campaignsOf(c, &of[i])
		if err != nil {
			return nil, err
		}
		for _, m := range all {
			views = append(views, viewCampaign(c.who, m))
		}
	}
	id := func(m campaignView) string { return m.Entrustment + "/" + m.ID }
	slices.SortFunc(views, func(a, b campaignView) int { return cmp.Compare(id(a), id(b)) })
	return pageOf(views, p, id), nil
}

// campaign gives the campaign of the address, whole.
func (s *Server) campaign(c *call) (*wire.Campaign, error) {
	e, err := s.seen(c, c.param("entrustment"))
	if err != nil {
		return nil, err
	}
	all, err := s.campaignsOf(c, &e)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].ID == c.param("campaign") {
			return &all[i], nil
		}
	}
	return nil, errNotFound
}

func (s *Server) getCampaign(c *call) (*answer, error) {
	m, err := s.campaign(c)
	if err != nil {
		return nil, err
	}
	return ok(viewCampaign(c.who, *m)), nil
}

// campaignDeliveries lists what was made of a campaign and is kept, oldest first.
func (s *Server) campaignDeliveries(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	m, err := s.campaign(c)
	if err != nil {
		return nil, err
	}
	for i := range m.Deliveries {
		m.Deliveries[i] = withoutFile(m.Deliveries[i])
	}
	return pageOf(m.Deliveries, p, bySeq), nil
}

// deliverWait is how long who asks for a delivery waits for it, unless the options say
// otherwise. It goes on without them.
const deliverWait = 45 * time.Second

// deliverCampaign has the room make what is due of a campaign now.
func (s *Server) deliverCampaign(c *call) (*answer, error) {
	ref, err := s.ownCampaign(c)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(c.ctx(), s.DeliverWait)
	defer stop()
	m, err := s.Enclave.DeliverCampaign(ctx, ref)
	if err != nil && ctx.Err() != nil && c.ctx().Err() == nil {
		now, err := s.campaign(c)
		if err != nil {
			return nil, err
		}
		return accepted("/v1/campaigns/"+ref.Entrustment+"/"+ref.Campaign, viewCampaign(c.who, *now)), nil
	}
	if err != nil {
		return nil, s.ownSize(c.ctx(), c.who.Party, &entrustment.Question{Entrustment: ref.Entrustment}, err)
	}
	return ok(viewCampaign(c.who, *m)), nil
}

// closeCampaign ends a campaign before its last day.
func (s *Server) closeCampaign(c *call) (*answer, error) {
	var body struct {
		Confirm string `json:"confirm"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	ref, err := s.ownCampaign(c)
	if err != nil {
		return nil, err
	}
	if body.Confirm != ref.Campaign {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "confirm", Detail: "it is not the id of the campaign", Mend: fmt.Sprintf("send %q: a closed campaign stays closed", ref.Campaign)}
	}
	ack, err := s.Enclave.CloseCampaign(c.ctx(), ref)
	if err != nil {
		return nil, err
	}
	return acted(ack), nil
}

// ownCampaign names the campaign of the address to the enclave, for people who may have
// campaigns there.
func (s *Server) ownCampaign(c *call) (wire.CampaignRef, error) {
	ref := wire.CampaignRef{Entrustment: c.param("entrustment"), Campaign: c.param("campaign"), Party: s.asker(c.who.Party)}
	if err := s.asksCampaigns(c, ref.Entrustment); err != nil {
		return ref, err
	}
	_, err := s.campaign(c)
	return ref, err
}
