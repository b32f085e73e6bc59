package entrustment

import "fmt"

// AttributionModel is how a conversion is divided among the touches before it.
type AttributionModel string

// The models.
const (
	LastTouch AttributionModel = "last-touch" // all to the last
	FirstLast AttributionModel = "first-last" // half to the first, half to the last
	EvenTouch AttributionModel = "even"       // to each the same
	TimeDecay AttributionModel = "time-decay" // to each half as much as to one that is HalfLife later
)

// Allowed gives the models that a question may name.
func (AttributionModel) Allowed() []string {
	return words(LastTouch, FirstLast, EvenTouch, TimeDecay)
}

// Attribution says how an attribution report credits conversions to touches. A
// look-back is so many whole days, that of the conversion the last of them: 1d is the
// same day. What is left out has the default: Filled writes it.
type Attribution struct {
	Model    AttributionModel `yaml:"model,omitempty" json:"model,omitempty"`         // default last-touch
	Click    Days             `yaml:"click,omitempty" json:"click,omitempty"`         // look-back of clicks; default 30d
	View     Days             `yaml:"view,omitempty" json:"view,omitempty"`           // of impressions, which count where no click does; default 7d
	HalfLife Days             `yaml:"half_life,omitempty" json:"half_life,omitempty"` // of time-decay alone; default 7d
}

// MaxLookBack is the longest look-back, and half-life, of an attribution, in days.
const MaxLookBack = 90

// The defaults of an attribution, in days.
const (
	defaultClick    = 30
	defaultView     = 7
	defaultHalfLife = 7
)

// Filled gives the attribution with every default written out; nil has them all.
func (a *Attribution) Filled() Attribution {
	var out Attribution
	if a != nil {
		out = *a
	}
	or := func(d *Days, v Days) {
		if *d == 0 {
			*d = v
		}
	}
	if out.Model == "" {
		out.Model = LastTouch
	}
	or(&out.Click, defaultClick)
	or(&out.View, defaultView)
	if out.Model == TimeDecay {
		or(&out.HalfLife, defaultHalfLife)
	}
	return out
}

// attribution checks what a question says of an attribution.
func (c *checker) attribution(q *Question) {
	a := q.Attribution
	if a == nil {
		return
	}
	if q.Report != ReportAttribution {
		c.failAs(CodeSpec, "attribution", "only an attribution report has one", "leave it out, or ask for report: attribution")
	}
	for _, d := range []struct {
		key  string
		days Days
	}{{"click", a.Click}, {"view", a.View}, {"half_life", a.HalfLife}} {
		if d.days > MaxLookBack {
			c.failAs(CodeLimit, "attribution."+d.key, fmt.Sprintf("it is longer than %d days", MaxLookBack), fmt.Sprintf("write 1d to %dd", MaxLookBack))
		}
	}
	if a.HalfLife != 0 && a.Model != TimeDecay {
		c.failAs(CodeSpec, "attribution.half_life", "only the model time-decay has a half-life", "leave it out, or write model: time-decay")
	}
}
