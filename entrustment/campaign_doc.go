package entrustment

import (
	"fmt"
	"slices"
)

// ParseCampaign reads campaign.yaml and checks it by itself; whether its entrustment
// lets it be is DecideCampaign's.
func ParseCampaign(file string, data []byte) (*Campaign, error) {
	m, at, err := decode[Campaign](file, data, SchemaCampaign)
	if err != nil {
		return nil, err
	}
	c := &checker{at: at}
	c.id("id", m.ID)
	c.id("entrustment", m.Entrustment)
	c.name("list", m.List)
	if m.Where != nil {
		if err := m.Where.check("where"); err != nil {
			c.failAs(err.Code, err.Field, err.Detail, err.Mend)
		}
	}
	d := &m.Destination
	c.id("destination.receiver", d.Receiver)
	if d.Channel != "" {
		c.name("destination.channel", d.Channel)
	}
	if (d.Form == FormOwnChannel) != (d.Channel != "") {
		c.fail("destination.channel", "own-channel names the channel, and no other form has one", "add channel:, or take it out")
	}
	c.each("destination.identifiers", d.Base, func(path, s string) { c.oneOf(path, s, Kinds()) })
	if len(d.Base) > 0 && (d.Form == FormOwnChannel || d.Form == FormLabel) {
		c.fail("destination.identifiers", fmt.Sprintf("%s sends no identifiers of the base", d.Form), "take it out, or name a platform's form")
	}
	c.span("until", m.From, m.Until)
	if m.Refresh > 0 && m.From.Add(int(m.Refresh)).After(m.Until) {
		c.fail("refresh", "the campaign is over before the audience is delivered anew", "name fewer days, or leave it out")
	}
	if m.Holdout < 0 || m.Holdout > MaxHoldout {
		c.fail("holdout", fmt.Sprintf("must be 0 to %d per cent of the audience", MaxHoldout), "write holdout: 10")
	}
	if f := m.Frequency; f != nil && f.Times < 1 {
		c.fail("frequency.times", "must be 1 or more", "write {times: 3, within: 7d}, or leave it out")
	}
	if m.Sigma < 0 {
		c.fail("sigma", "must not be negative", "leave it out for the default")
	}
	c.each("results", m.Results, func(path, s string) { c.oneOf(path, s, ads[:]) })
	c.each("categories", m.Categories, c.name)
	c.lift(m)
	return done(m, c)
}

// lift holds what a lift report needs against what is given.
func (c *checker) lift(m *Campaign) {
	lift := slices.Contains(m.Results, ReportLift)
	switch {
	case lift && m.Holdout == 0:
		c.fail("holdout", "a lift report compares with people to whom nothing was delivered", "add holdout: 10, or take lift out of results")
	case lift && m.ConversionRate == 0:
		c.fail("conversion_rate", "how sure a lift report can be follows from the share of people that convert without the campaign", "add conversion_rate: 2%, from your own experience")
	}
}
