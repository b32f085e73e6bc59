package entrustment

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Form is what a delivery is handed over as (FORMATS §6, §7).
type Form string

// The forms: a label for each key of the partner's list, what a platform takes, or the
// user keys of the operator's own sending channel.
const (
	FormLabel      Form = "label"
	FormGoogle     Form = "google"
	FormMeta       Form = "meta"
	FormLINE       Form = "line"
	FormYahooJapan Form = "yahoo-japan"
	FormTikTok     Form = "tiktok"
	FormX          Form = "x"
	FormOwnChannel Form = "own-channel"
)

// Allowed gives the forms that a campaign may name.
func (Form) Allowed() []string {
	return words(FormLabel, FormGoogle, FormMeta, FormLINE, FormYahooJapan, FormTikTok, FormX, FormOwnChannel)
}

// LeastAudience is how many people a delivery reaches at least, by the noised count
// (PRIVACY rule 12). No destination of FORMATS §6 asks for more.
const LeastAudience = 1000

// MaxHoldout is the largest holdout, in per cent.
const MaxHoldout = 50

// Destination is who receives the deliveries of a campaign, and as what.
type Destination struct {
	Receiver string   `yaml:"receiver" json:"receiver" need:"value"` // a party
	Form     Form     `yaml:"form" json:"form" need:"value"`
	Channel  string   `yaml:"channel,omitempty" json:"channel,omitempty"`         // of own-channel: base.yaml declares it
	Base     []string `yaml:"identifiers,omitempty" json:"identifiers,omitempty"` // kinds of the base's identifiers that are sent; none: keys of the list alone
}

// Frequency is how often the receiver is asked to show an advertisement at most: a
// hint that goes with the delivery.
type Frequency struct {
	Times  int  `yaml:"times" json:"times" need:"value"`
	Within Days `yaml:"within" json:"within" need:"value"`
}

// Campaign is campaign.yaml: an audience, where it is delivered, and the results that
// are wanted. See DecideCampaign for what a contract lets it say.
type Campaign struct {
	Schema      string      `yaml:"schema" json:"schema" need:"value"`
	ID          string      `yaml:"id" json:"id" need:"value"`
	Entrustment string      `yaml:"entrustment" json:"entrustment" need:"value"`
	List        string      `yaml:"list" json:"list" need:"value"`          // whom it is about: users of this list that the base knows
	Where       *Condition  `yaml:"where,omitempty" json:"where,omitempty"` // of them; none: all
	Destination Destination `yaml:"destination" json:"destination" need:"value"`
	From        Date        `yaml:"from" json:"from" need:"value"`
	Until       Date        `yaml:"until" json:"until" need:"value"`
	Refresh     Days        `yaml:"refresh,omitempty" json:"refresh,omitempty"`       // the audience is delivered anew after so many days; 0: once
	Holdout     int         `yaml:"holdout,omitempty" json:"holdout,omitempty"`       // per cent of the audience that is not delivered, for a lift report
	Frequency   *Frequency  `yaml:"frequency,omitempty" json:"frequency,omitempty"`   // a hint to the receiver
	Results     []string    `yaml:"results,omitempty" json:"results,omitempty"`       // reports whose price is put aside before it is approved
	Categories  []string    `yaml:"categories,omitempty" json:"categories,omitempty"` // of the events that are its results; none: all that the contract names
	Sigma       int         `yaml:"sigma,omitempty" json:"sigma,omitempty"`           // of the results; 0: the policy's default
	// ConversionRate is the share of people without the campaign that convert, by the
	// advertiser's own experience: how sure a lift report can be follows from it.
	ConversionRate Rate `yaml:"conversion_rate,omitempty" json:"conversion_rate,omitempty"`
}

// Sizing gives the question of how large the campaign's audience is, held out or not.
func (m *Campaign) Sizing() *Question {
	return &Question{Schema: SchemaReport, Report: ReportSize, Entrustment: m.Entrustment, List: m.List, Where: m.Where}
}

// Result gives the question of one of its results.
func (m *Campaign) Result(report string) *Question {
	return &Question{Schema: SchemaReport, Report: report, Entrustment: m.Entrustment, Campaign: m.ID}
}

// Rate is a share in millionths, written in per cent: 2%, 0.05%.
type Rate int64

func (*Rate) fromDocument() {}

// MarshalText writes per cent.
func (r Rate) MarshalText() ([]byte, error) {
	text := fmt.Sprintf("%d.%04d", r/10_000, r%10_000)
	return []byte(strings.TrimRight(strings.TrimRight(text, "0"), ".") + "%"), nil
}

// String is the text of MarshalText.
func (r Rate) String() string {
	text, _ := r.MarshalText()
	return string(text)
}

var errRate = errors.New("must be a share in per cent, like 2% or 0.05%: more than 0, at most 100, with at most four decimals")

// UnmarshalText reads per cent.
func (r *Rate) UnmarshalText(text []byte) error {
	number, ok := strings.CutSuffix(string(text), "%")
	whole, part, point := strings.Cut(number, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	if !ok || !digits(whole) || len(whole) > 3 || point && (!digits(part) || len(part) > 4) {
		return errRate
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", 4-len(part)), 10, 64)
	if err != nil || n < 1 || n > 1_000_000 {
		return errRate
	}
	*r = Rate(n)
	return nil
}

// Deliveries gives how many audiences the campaign's days have at most: one, and one
// anew every Refresh days.
func (m *Campaign) Deliveries() int {
	if m.Refresh == 0 {
		return 1
	}
	return 1 + int(m.Until.Number()-m.From.Number())/int(m.Refresh)
}
