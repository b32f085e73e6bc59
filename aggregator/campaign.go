package aggregator

import (
	"fmt"
	"slices"
	"strings"

	"awase/entrustment"
	"awase/matcher"
)

// CampaignSource is what the gate knows of the campaign that a question is on.
type CampaignSource struct {
	Document *entrustment.Campaign
	Holdout  *matcher.Share // who is held out; nil: nobody
	Also     *matcher.Where // as CompileDelivery's: who else is never delivered to is in neither arm; nil: nobody
}

// Assignment is the reserved dimension of a lift report: whom the campaign was
// delivered to, and whom chance held out.
const Assignment = "assignment"

// The values of Assignment, in the order of matcher.Assigned.
const (
	Treated = "treated"
	Holdout = "holdout"
)

var assignments = []string{Treated, Holdout}

// onCampaign fills in what a question on a campaign takes from it.
func (c *compiler) onCampaign() error {
	if err := CheckReport(c.q.Report); err != nil {
		return err
	}
	if !entrustment.OfCampaign(c.q.Report) {
		if c.q.Campaign != "" {
			return specError("campaign", "this report is on no campaign", "leave it out, or ask for a delivery, lift or attribution report")
		}
		return nil
	}
	if c.src.Campaign == nil || c.src.Campaign.Document.ID != c.q.Campaign {
		return specError("campaign", "the entrustment has no campaign "+entrustment.Quote(c.q.Campaign), "name one that was submitted under it")
	}
	m := c.src.Campaign.Document
	if c.q.List != "" && c.q.List != m.List {
		return specError("list", "the campaign is about another list", "leave list out, or name "+m.List)
	}
	for i, name := range c.q.Categories {
		if len(m.Categories) > 0 && !slices.Contains(m.Categories, name) {
			return specError(fmt.Sprintf("categories[%d]", i), entrustment.Quote(name)+" is no result of the campaign", "its results are "+strings.Join(m.Categories, ", "))
		}
	}
	c.campaign, c.q = m, *c.q.On(m)
	return nil
}

// lift checks what goes with a lift report.
func (c *compiler) lift() error {
	switch h := c.src.Campaign.Holdout; {
	case h == nil || h.To <= h.From:
		return specError("campaign", "nobody was held out of this campaign, so there is nobody to compare with", "ask for a delivery report; a campaign that is submitted with holdout: 10 has a lift report")
	case len(c.q.Dims) > 0:
		return specError("dims", "a lift report is by who was held out and nothing else", "leave dims out, or name a part of the audience by where")
	case c.q.Total, c.q.Index:
		return specError("total", "a lift report has no other table", "leave total and index out")
	}
	for i, m := range c.q.Measures {
		if m != MeasureUsers {
			return specError(fmt.Sprintf("measures[%d]", i), "a lift report counts people who convert", "leave measures out")
		}
	}
	return nil
}

// audience narrows a condition to those to whom the campaign can be delivered and, but in
// a lift report, who are not held out.
func (c *compiler) audience(w *matcher.Where) *matcher.Where {
	var all []matcher.Where
	if also := c.src.Campaign.Also; also != nil {
		all = append(all, *also)
	}
	if h := c.src.Campaign.Holdout; c.q.Report != entrustment.ReportLift && h != nil && h.To > h.From {
		all = append(all, matcher.Where{Not: &matcher.Where{Share: h}})
	}
	if all == nil {
		return w
	}
	if w != nil {
		all = append(all, *w)
	}
	out := canonical(matcher.Where{All: all}, func(in *matcher.InCodes) int {
		if d, ok := c.column(in.Column); ok {
			return len(d.Domain)
		}
		return 1 << 8 // an opt-in, which no question can ask by: it stays as it is
	})
	return &out
}

// LiftNote says what a lift report can be expected to show.
type LiftNote uint8

// The notes, from the best on.
const (
	LiftSure     LiftNote = iota // as rule 13 has it; or the plan is of no lift report
	LiftUnknown                  // the share that converts, or how many people there are, is not stated
	LiftWithheld                 // so few held out are expected to convert that their number may well be withheld
	LiftSmall                    // fewer than five times the noise: it says little
)

// LiftNote tells what can be expected of a lift report if so many people are in its
// audience, held out or not (PRIVACY rule 13). It is a function of what is stated.
func (pl *Plan) LiftNote(people int64, p *Policy) LiftNote {
	if pl.Question.Report != entrustment.ReportLift {
		return LiftSure
	}
	rate := int64(pl.campaign.ConversionRate)
	if people <= 0 || rate == 0 {
		return LiftUnknown
	}
	s := &pl.Tables[1].Spec
	expected, enough := EnoughHeldOut(people, pl.campaign.Holdout, rate, s.Sigma)
	switch {
	case !enough:
		return LiftSmall
	case expected < float64(p.tau(s)):
		return LiftWithheld
	}
	return LiftSure
}

// composeLift adds to an answer of people by assignment those who converted, and what
// follows. Where one of the four numbers is withheld, or in one arm nearly all or none
// converted, nothing follows (§4.3-10).
func (a *Answer) composeLift(pl *Plan, people, converters *Table) {
	a.Measures = []string{TableConverters}
	a.Caps = []Cap{{Measure: TableConverters, Most: 1}}
	a.TotalSums, a.OtherSums = []*Interval{nil}, []*Interval{nil}
	a.Lift = &LiftAnswer{}
	var arms [2]Arm
	whole := true
	for i := range a.Rows {
		of, conv := people.Cells[i], converters.Cells[i]
		var n *Interval
		if of.Released {
			n = interval(conv, converters.Sigma)
		}
		a.Rows[i].Sums = []*Interval{n}
		if n == nil {
			whole = false
			continue
		}
		arms[i] = Arm{People: of.Users, Converters: conv.Users, PeopleSD: deviation(of, people.Sigma), SD: deviation(conv, converters.Sigma)}
		if quotient(amount{float64(conv.Users), arms[i].SD, 1}, amount{float64(of.Users), arms[i].PeopleSD, 1}, 1) == nil {
			whole = false
		}
	}
	if held := people.Cells[1]; held.Released && pl.campaign.ConversionRate > 0 {
		// The number held out is known by now: it is as if it were all of an audience.
		_, enough := EnoughHeldOut(held.Users, 100, int64(pl.campaign.ConversionRate), converters.Sigma)
		a.Lift.Small = !enough
	}
	if !whole {
		return
	}
	a.TotalSums[0] = interval(tableSum(converters), converters.Sigma)
	a.Lift.Lift, _ = LiftOf(arms[0], arms[1])
}

// LiftAnswer is what a lift report says.
type LiftAnswer struct {
	*Lift      // nil: withheld
	Small bool // fewer held out convert, at the rate that the campaign states, than five times the noise
}
