package entrustment

import (
	"fmt"
	"slices"
)

// DecideCampaign decides whether a campaign may be submitted under the entrustment:
// what each of its deliveries has to satisfy, too, on its day. Whether its audience is
// large enough is the gate's to judge, and whether its results can be paid for the
// ledger's.
func DecideCampaign(f Facts, m *Campaign) error {
	if m == nil {
		return refusal(CodeSpec, clauseDoc, "campaign", "there is no campaign", "write one as campaign.yaml")
	}
	if err := DecideDeliver(f, Deliver{Receiver: m.Destination.Receiver, Where: m.Where, Kinds: m.Destination.Base}); err != nil {
		return err
	}
	return first(
		func() *Error { return f.campaignHere(m) },
		func() *Error { return f.form(&m.Destination) },
		func() *Error { return f.campaignDays(m) },
		func() *Error { return f.results(m) },
	)
}

// campaignHere guards against a campaign that was matched with another's facts.
func (f *Facts) campaignHere(m *Campaign) *Error {
	if m.Entrustment != f.Contract.ID {
		return refusal(CodeForbidden, clauseOwnList, "entrustment", "the campaign is under another entrustment", "name "+f.Contract.ID)
	}
	return nil
}

// form checks that the receiver is one that takes the form.
func (f *Facts) form(d *Destination) *Error {
	own := d.Form == FormOwnChannel
	operator := f.Parties[d.Receiver].Class == ClassOperator
	switch {
	case own && !operator:
		return refusal(CodeForbidden, clauseFlows, "destination.form", "own-channel is sent by the operator alone", "name the operator as the receiver, or a form of the platform's")
	case !own && operator:
		return refusal(CodeForbidden, clauseFlows, "destination.form", "the operator receives user keys for a channel of its own and nothing else", "write form: own-channel and its channel:")
	case own && (f.Base == nil || !slices.ContainsFunc(f.Base.Channels, func(c Channel) bool { return c.Channel == d.Channel })):
		return refusal(CodeForbidden, clauseNamed, "destination.channel", "the base declares no opt-in of "+echo(d.Channel), "declare it under channels: in base.yaml, and load the base")
	case d.Form == FormLabel && f.rule().joined[1] != ClassAdPlatform:
		return refusal(CodeForbidden, clauseFlows, "destination.form", "labels stand beside the keys of the partner's own list, and here the list is the client's", "name a form of the platform's")
	}
	return nil
}

// campaignDays: nothing is delivered outside the days of the contract, and for as
// long only as it says that deliveries are kept.
func (f *Facts) campaignDays(m *Campaign) *Error {
	c := f.Contract
	switch {
	case m.From.Before(c.From):
		return f.by("from", refusal(CodeForbidden, clauseFlows, "from", fmt.Sprintf("the entrustment begins on %s", c.From), "begin the campaign on that day or later"))
	case m.Until.After(c.Until):
		return f.by("until", refusal(CodeForbidden, clauseFlows, "until", fmt.Sprintf("the entrustment ends on %s", c.Until), "end the campaign by then, or have the entrustment amended"))
	case c.Retention.Deliveries == 0:
		return f.term(CodeForbidden, clauseDoc, "retention.deliveries", "it does not say for how long a delivery is kept", "have it agreed and add deliveries: under retention:")
	}
	return nil
}

// results: what is put aside for is what the contract lets be asked, of events that it
// names.
func (f *Facts) results(m *Campaign) *Error {
	for i, r := range m.Results {
		if !slices.Contains(f.Contract.Outputs, r) {
			return f.by("outputs", refusal(CodeForbidden, clauseFlows, item("results", i), unlisted(echo(r)), allowed(f.Contract.Outputs, "outputs:")))
		}
	}
	return f.events(m.Categories)
}

// events checks categories of events that are read: those that the entrustment names,
// none that is sensitive.
func (f *Facts) events(categories []string) *Error {
	for i, name := range categories {
		at := item("categories", i)
		if err := f.sensitive(at, name); err != nil {
			return err
		}
		if !slices.Contains(f.Contract.Events, name) {
			return f.by("events", refusal(CodeDimForbidden, clauseNamed, at, unlisted(named(name)), allowed(f.Contract.Events, "events:")))
		}
	}
	return nil
}
