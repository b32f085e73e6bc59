package entrustment

import "slices"

// Report kinds a question may name (DESIGN §8).
const (
	ReportOverlap        = "overlap"
	ReportProfile        = "profile"
	ReportBehaviour      = "behaviour"
	ReportReachFrequency = "reach-frequency"
	ReportDelivery       = "delivery"
	ReportLift           = "lift"
	ReportAttribution    = "attribution"
	ReportSize           = "size"
	ReportCube           = "cube"
)

// DimMatchedBy is the reserved dimension of an overlap report: the first kind,
// in fixed order, among a cluster's own hits.
const DimMatchedBy = "matched_by"

// The reserved dimensions of a behaviour report.
const (
	DimCategory = "category" // of the events
	DimDay      = "day"      // of the window
	DimWeek     = "week"     // spans of seven days from the window's first
)

// DimTouch is the reserved dimension of an attribution report: what a conversion is
// credited to, a kind of event and its category ("click/spring"), or Unattributed.
const (
	DimTouch     = "touch"
	Unattributed = "unattributed"
)

// Window is a range of whole JST days, both ends included.
type Window struct {
	From Date `yaml:"from" json:"from" need:"value"`
	To   Date `yaml:"to" json:"to" need:"value"`
}

// Question is spec.yaml: what somebody asks of the room.
type Question struct {
	Schema      string       `yaml:"schema" json:"schema" need:"value"`
	Report      string       `yaml:"report" json:"report" need:"value"`
	Entrustment string       `yaml:"entrustment" json:"entrustment" need:"value"`
	Campaign    string       `yaml:"campaign,omitempty" json:"campaign,omitempty"` // of a report on one: its id
	List        string       `yaml:"list,omitempty" json:"list,omitempty"`         // of a report on a campaign: the campaign's
	Dims        []string     `yaml:"dims,omitempty" json:"dims,omitempty"`
	Where       *Condition   `yaml:"where,omitempty" json:"where,omitempty"`
	Sigma       int          `yaml:"sigma,omitempty" json:"sigma,omitempty"` // 0: the policy's default (10)
	Window      *Window      `yaml:"window,omitempty" json:"window,omitempty"`
	Measures    []string     `yaml:"measures,omitempty" json:"measures,omitempty"`
	Categories  []string     `yaml:"categories,omitempty" json:"categories,omitempty"`   // of events; none: all that the contract names
	Attribution *Attribution `yaml:"attribution,omitempty" json:"attribution,omitempty"` // of an attribution report; nil: its defaults
	Total       bool         `yaml:"total,omitempty" json:"total,omitempty"`
	Index       bool         `yaml:"index,omitempty" json:"index,omitempty"`
	Recipient   string       `yaml:"recipient,omitempty" json:"recipient,omitempty"`
	Purpose     Purpose      `yaml:"purpose,omitempty" json:"purpose,omitempty"` // what the answer is for; "": the entrustment's
}

// CampaignReports gives the kinds of report that are on a campaign.
func CampaignReports() []string { return slices.Clone(ads[:]) }

// OfCampaign tells whether a kind of report is on a campaign.
func OfCampaign(report string) bool { return slices.Contains(ads[:], report) }

// ReadsEvents tells whether a kind of report reads event logs, whatever its condition.
func ReadsEvents(report string) bool {
	return report == ReportBehaviour || report == ReportReachFrequency || OfCampaign(report)
}

// On gives the question with what it takes from its campaign: the list, the condition
// beside its own and, where it names none itself, days, categories and sigma.
func (q *Question) On(m *Campaign) *Question {
	out := *q
	out.List = m.List
	switch {
	case q.Where == nil:
		out.Where = m.Where
	case m.Where != nil:
		out.Where = &Condition{All: []Condition{*m.Where, *q.Where}}
	}
	if q.Window == nil {
		out.Window = &Window{m.From, m.Until}
	}
	if len(q.Categories) == 0 {
		out.Categories = m.Categories
	}
	if q.Sigma == 0 {
		out.Sigma = m.Sigma
	}
	return &out
}

// Condition is a predicate of one cluster. Exactly one field is set:
//
//	{all: […]} {any: […]} {not: …} {in: {attr: […]}} {between: {attr: [a, b]}}
//	{list: name} {event: {category: …, at_least: n, within: 30d}}
type Condition struct {
	All     []Condition         `yaml:"all,omitzero" json:"all,omitzero"` // empty: everyone
	Any     []Condition         `yaml:"any,omitzero" json:"any,omitzero"` // empty: nobody
	Not     *Condition          `yaml:"not,omitempty" json:"not,omitempty"`
	In      map[string][]string `yaml:"in,omitempty" json:"in,omitempty"`           // exactly one attribute
	Between map[string][]string `yaml:"between,omitempty" json:"between,omitempty"` // exactly one attribute, two bounds
	List    string              `yaml:"list,omitempty" json:"list,omitempty"`
	Event   *EventCondition     `yaml:"event,omitempty" json:"event,omitempty"`
}

// EventCondition asks for at least n events of a category within a span.
type EventCondition struct {
	Category string `yaml:"category" json:"category" need:"value"`
	AtLeast  int    `yaml:"at_least" json:"at_least" need:"value"`
	Within   Days   `yaml:"within" json:"within" need:"value"`
}
