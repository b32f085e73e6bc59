package wire

import (
	"encoding/json"
	"math"

	"awase/entrustment"
)

// ReleaseSchema is the schema name of a released table.
const ReleaseSchema = "awase.release/v1"

// Status of a cell. There is one word for every cell that is not shown,
// whatever the reason (PRIVACY §4.8).
type Status string

// The statuses.
const (
	Released Status = "released"
	Withheld Status = "withheld"
	None     Status = "none" // of the other row: fewer than two cells are withheld, so there is none
)

// Number is a noisy number and its 95 % interval.
type Number struct {
	Value int64 `json:"value"`
	Low   int64 `json:"low"`
	High  int64 `json:"high"`
}

// Ratio is a quotient of noisy numbers and its 95 % interval. In an index 100
// is the base's own share.
type Ratio struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Amounts are the measures of a row beside users, and the rates that follow
// from them. A rate that is not there is not steady enough to show.
type Amounts struct {
	Sums  map[string]*Number `json:"sums,omitempty"`  // by measure; spend and cost are in yen, credits in thousandths of a conversion
	Rates map[string]*Ratio  `json:"rates,omitempty"` // by rate, as quotients: a click rate of 0.02 is 2 %
}

// Cell is one declared cell of a released table.
type Cell struct {
	Key    map[string]string `json:"key"`
	Status Status            `json:"status"`
	Users  *Number           `json:"users,omitempty"` // nil: withheld
	Index  *Ratio            `json:"index,omitempty"` // nil: not asked, or not steady enough to show
	Amounts
}

// Sum is the `other` row or the total.
type Sum struct {
	Status Status  `json:"status,omitempty"`
	Users  *Number `json:"users,omitempty"`
	// Partial: the number sums what is shown; withheld cells are missing from
	// it, so it is low, and its interval speaks of the sum shown alone.
	Partial bool `json:"partial,omitempty"`
	Amounts
}

// Dim is a dimension of the table in its declared order.
type Dim struct {
	Name   string   `json:"name"`
	Domain []string `json:"domain"`
}

// Statement says in words what protects the people counted.
type Statement struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// Privacy holds the parameters a table was released under and what was spent.
type Privacy struct {
	K          int64   `json:"k,omitempty"` // 0: with the noisy lock alone
	Tau        int64   `json:"tau"`
	Sigma      int     `json:"sigma"`
	CellsOfOne int     `json:"cells_of_one,omitempty"` // in how many cells one person may be, where more than one
	Summed     int     `json:"cells_summed,omitempty"` // noisy cells of a planning cube that the number sums
	Rho        float64 `json:"rho"`
	Epsilon    float64 `json:"epsilon"`
	Delta      float64 `json:"delta"`
	Withheld   int     `json:"withheld"` // cells withheld, of Cells
	Cells      int     `json:"cells"`
	Dev        bool    `json:"dev,omitempty"` // a vault without officers
	// Practice: the room is one to rehearse in, and its people are made up. Every
	// form of the release says so.
	Practice  bool      `json:"practice,omitempty"`
	Statement Statement `json:"statement"`
}

// Deviation is the standard deviation of the noise on a number of people:
// σ·√CellsOfOne, or of a sum from a planning cube σ·√Summed.
func (p *Privacy) Deviation() float64 {
	return float64(p.Sigma) * math.Sqrt(float64(max(1, p.CellsOfOne, p.Summed)))
}

// Lift is what a campaign did, by intention to treat: those to whom it was delivered
// beside those whom chance held out. Shares are of people that converted, 0 to 1, and
// their intervals hold both chance and the noise.
type Lift struct {
	Status     Status     `json:"status"` // withheld: a number that it is made of is, or nearly all or none converted
	Treated    *Ratio     `json:"treated,omitempty"`
	Holdout    *Ratio     `json:"holdout,omitempty"`
	Difference *Ratio     `json:"difference,omitempty"` // of the shares
	Relative   *Ratio     `json:"relative,omitempty"`   // difference ÷ holdout; nil: too few held out converted to tell
	P          *float64   `json:"p,omitempty"`          // two-sided, of no effect
	Warning    *Statement `json:"warning,omitempty"`    // what makes it say little, in words
}

// ReportedCampaign is the campaign that a report is on: whose people it counts.
type ReportedCampaign struct {
	ID      string                 `json:"id"`
	From    entrustment.Date       `json:"from"`
	Until   entrustment.Date       `json:"until"`
	Where   *entrustment.Condition `json:"where,omitempty"` // of its audience, beside the question's own
	Holdout int                    `json:"holdout"`         // per cent
}

// Release is a table that passed the gate. Its JSON form is the contract of
// DESIGN §8.
type Release struct {
	Schema      string                `json:"schema"`
	Report      string                `json:"report"`
	Entrustment string                `json:"entrustment"`
	Version     int                   `json:"version"`
	List        string                `json:"list,omitempty"`
	ListVersion int                   `json:"list_version,omitempty"`
	ListRows    int64                 `json:"list_rows,omitempty"` // only where the recipient's own group uploaded the list
	Campaign    *ReportedCampaign     `json:"campaign,omitempty"`
	Question    *entrustment.Question `json:"question"`
	Dims        []Dim                 `json:"dims"`
	Measures    []string              `json:"measures,omitempty"` // beside users
	Rates       []string              `json:"rates,omitempty"`
	Cells       []Cell                `json:"cells"`
	Other       *Sum                  `json:"other,omitempty"`
	Total       *Sum                  `json:"total,omitempty"`
	Base        *Sum                  `json:"base,omitempty"` // index asked: the base's released total
	Lift        *Lift                 `json:"lift,omitempty"` // of a lift report
	Privacy     Privacy               `json:"privacy"`
	ReleasedAt  string                `json:"released_at"` // RFC 3339, UTC
	Receipt     json.RawMessage       `json:"receipt"`
}
