package enclave

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"testing"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/matcher"
)

// TestOnePerson follows each person of the table through the four flows, the fourth
// with each flow that it runs, and through requests, restrictions and what changes:
// what goes to the gate is more by one than in the room without them where the table
// says so, and the same everywhere else.
func TestOnePerson(t *testing.T) {
	t.Parallel()
	for _, kind := range seal.RequestKinds() {
		if _, ok := oneKinds[kind]; !ok {
			t.Errorf("the table does not say what becomes of who asks for %s", kind)
		}
	}
	without := openOne(t, Options{}, false, oneMutant{}, oneContracts).goesBy().cells
	for name, o := range map[string]func(t *testing.T) (Options, []oneContract){
		"embedded":   func(*testing.T) (Options, []oneContract) { return Options{}, oneContracts },
		"ClickHouse": func(t *testing.T) (Options, []oneContract) { return clickHouse(t, 1).options(), oneContracts },
		"two shards": func(t *testing.T) (Options, []oneContract) { return clickHouse(t, 2).options(), oneContracts[1:3] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, contracts := o(t)
			w := openOne(t, o, true, oneMutant{}, contracts)
			if o.Remote != nil {
				moveTo(t, w.Enclave, wire.MoveRequest{To: wire.EngineClickHouse})
			}
			for who, wrong := range w.goesBy().against(without) {
				t.Errorf("%s: %s", who, wrong)
			}
		})
	}
}

// asking counts a question otherwise.
type asking struct {
	matcher.Engine
	cells func(context.Context, matcher.Engine, matcher.Query) (matcher.Exact, error)
}

func (a asking) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	return a.cells(ctx, a.Engine, q)
}

// eligibleAs has others be eligible.
func eligibleAs(change func(*matcher.Eligibility)) oneMutant {
	return oneMutant{engine: func(e matcher.Engine) matcher.Engine {
		return asking{e, func(ctx context.Context, e matcher.Engine, q matcher.Query) (matcher.Exact, error) {
			change(&q.Eligible)
			return e.Cells(ctx, q)
		}}
	}}
}

// ofAnyService counts who is limited to whatever service.
func ofAnyService(e matcher.Engine) matcher.Engine {
	return asking{e, func(ctx context.Context, e matcher.Engine, q matcher.Query) (matcher.Exact, error) {
		q.Eligible.Service = ""
		all, err := e.Cells(ctx, q)
		free := slices.Clone(all.Users)
		for _, service := range []string{"jobs", "food", "travel", "lodging"} {
			q.Eligible.Service = service
			some, serr := e.Cells(ctx, q)
			if err != nil || serr != nil {
				return all, errors.Join(err, serr)
			}
			for i, n := range some.Users {
				all.Users[i] += n - free[i]
			}
		}
		return all, nil
	}}
}

// TestOnePersonMutants takes each restriction out of a room, one by one: the test sees
// it in the rows that are about it, and in no other.
func TestOnePersonMutants(t *testing.T) {
	t.Parallel()
	some := oneContracts[2:5] // of each flow one, of one service, another and none
	without := openOne(t, Options{}, false, oneMutant{}, some).goesBy().cells
	agreed := func(f func(consent int32, s suppressed, today int32) bool) oneMutant {
		return oneMutant{opened: func(e *Enclave) { e.agreed = f }}
	}
	inDocuments := func(from, to string) oneMutant { return oneMutant{documents: strings.NewReplacer(from, to)} }
	for name, m := range map[string]struct {
		oneMutant
		sees []string
	}{
		"as it is":    {oneMutant{}, nil},
		"the service": {oneMutant{engine: ofAnyService}, []string{"service *", "another service", "a third", "limited *", "enquiry of a service", "*, limited"}},
		"the enquiry": {eligibleAs(func(e *matcher.Eligibility) { e.Enquiry = true }), []string{"enquiry*", "*, from an enquiry"}},
		"the consent": {eligibleAs(func(e *matcher.Eligibility) { e.ByPolicy = false }), []string{"improves", "platforms", "elsewhere", "nothing", "unknown version", "no version", "agreed since", "agreed no more", "*, agreed to nothing"}},
		"the clause": {eligibleAs(func(e *matcher.Eligibility) {
			e.Versions = []string{"all", "elsewhere", "improves", "nothing", "platforms", "v2"}
		}), []string{"improves", "platforms", "elsewhere", "nothing", "agreed since", "*, agreed to nothing"}},
		"the uploads' consent": {inDocuments("consent: {column: agreed}", "drop: [agreed]"), []string{"no on the lists", "unclear on the lists", "no since", "no longer no", "no in the log*", "*, no on the lists"}},
		"the verification":     {inDocuments("verified: ok\n", "verified: all\ndrop: [ok]\n"), []string{"unverified", "verified *"}},
		"that two hold a token": {oneMutant{base: func(who string, u *oracleUser) {
			switch who {
			case "other twin", "leaver":
				u.verified = false
			case "twin with a phone":
				u.ids = u.ids[1:]
			}
		}}, []string{"twin", "left alone"}},
		"that two held it": {oneMutant{loading: func(e *Enclave, phase int) { e.state.base = nil }}, []string{"left alone"}},
		"the request": {oneMutant{loading: func(e *Enclave, phase int) { clear(e.suppressed) }},
			[]string{"deletion, by *", "stop, by *", "deletion, gone*", "stop, gone*", "*, agreed the *", "*, agreed later*", "*, agreed on a day to come", "*, and the base forgets", "*, agreed, *"}},
		"that it holds at once": {oneMutant{loaded: func(e *Enclave, phase int) {
			if base, err := e.openBase(e.state.base); phase == 1 && err == nil {
				e.engine.PutBase(matcher.PopulationID(e.populationNow()), base)
			}
		}}, []string{"deletion, *", "stop, *"}},
		"that the day is a later one": {agreed(func(c int32, s suppressed, today int32) bool { return c >= s.day && c <= today }),
			[]string{"*, agreed the same day", "*, agreed later", "*, and the base forgets", "*, agreed, limited", "*, from an enquiry", "*, agreed, no on the lists"}},
		"that there is a day": {agreed(func(c int32, s suppressed, today int32) bool { return c <= today }),
			[]string{"deletion, by *", "stop, by *", "*, agreed the *", "*, agreed later", "*, and the base forgets", "*, agreed, limited", "*, from an enquiry", "*, agreed, no on the lists", "deletion, gone*", "stop, gone*"}},
		"that the day has come": {agreed(func(c int32, s suppressed, _ int32) bool { return c > s.day }), []string{"*, agreed on a day to come", "*, agreed later, and by phone"}},
		"the care": {oneMutant{loaded: func(e *Enclave, phase int) {
			for i := range e.state.base.Schema.Attributes {
				e.state.base.Schema.Attributes[i].Class = ""
			}
		}}, []string{"a sensitive *"}},
		"the span": {oneMutant{opened: func(e *Enclave) { e.retention.before = func() error { return nil } }}, []string{"a l* that expired"}},
		"the last day": {oneMutant{loaded: func(e *Enclave, phase int) {
			for _, c := range e.state.contracts {
				if phase == 160 {
					c.Contract.Until = c.Contract.Until.Add(365)
				}
			}
		}}, []string{"a contract that is over"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := openOne(t, Options{}, true, m.oneMutant, some).goesBy()
			about := func(who string) bool {
				return slices.ContainsFunc(m.sees, func(pattern string) bool { ok, err := path.Match(pattern, who); return ok && err == nil })
			}
			wrong := w.against(without)
			for who, what := range wrong {
				if !about(who) && who != "the total" {
					t.Errorf("%s: %s", who, what)
				}
			}
			for _, r := range oneRows {
				if wrong[r.who] == "" && about(r.who) {
					t.Errorf("%s: it was not seen", r.who)
				}
			}
			if len(wrong) == 0 && m.sees != nil {
				t.Error("nothing was seen")
			}
		})
	}
}
