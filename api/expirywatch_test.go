package api_test

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"awase/api"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/apitest"
)

// ahead is an enclave whose clock a test moves, as fronts read it.
type ahead struct {
	api.Enclave
	days atomic.Int64
	jump atomic.Bool // of the machine's clock, that waits
}

func (a *ahead) Room(ctx context.Context) (wire.Room, error) {
	room, err := a.Enclave.Room(ctx)
	if err != nil {
		return room, err
	}
	now, err := time.Parse(time.RFC3339, room.Now)
	room.Now = now.AddDate(0, 0, int(a.days.Load())).Add(time.Hour).Format(time.RFC3339)
	if a.jump.Load() {
		room.Clock = &wire.ClockJump{}
	}
	return room, err
}

// TestExpiryIsTold: whose list it is hears of it a week before it expires, all parties
// of a contract of its last day and its end; once, whatever front looks, and again where
// it is due on another day. Nobody else hears, and nobody is told a number.
func TestExpiryIsTold(t *testing.T) {
	var a ahead
	var opened api.Options
	r := apitest.Start(t, func(o *api.Options) {
		a.Enclave = o.Enclave
		o.Enclave, o.Jobs.Look = &a, 20*time.Millisecond
		opened = *o
	})
	r.Furnish()
	people := map[string]*apitest.Client{}
	for _, party := range []string{apitest.Operator, apitest.Acme, apitest.Beta} {
		people[party] = r.As(apitest.Person(party, api.Privacy))
		people[party].Do(http.MethodGet, "/v1/notices", nil).Want(http.StatusOK)
	}
	told := func(party string) (out []string) {
		t.Helper()
		var page struct {
			Items []struct {
				Kind, Subject string
				Details       map[string]string
			}
		}
		answer := people[party].Do(http.MethodGet, "/v1/notices", nil).Want(http.StatusOK)
		answer.JSON(&page)
		for _, n := range page.Items {
			if n.Subject != apitest.Entrustment || n.Details["day"] == "" {
				t.Errorf("%s is told %s", party, answer.Body)
			}
			out = append(out, strings.TrimSpace(n.Kind+" "+n.Details["name"]))
		}
		slices.Sort(out)
		return out
	}
	look := func() {
		t.Helper()
		if err := r.Server.LookAtExpiries(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := func(when string, acme, operator string) {
		t.Helper()
		look()
		for party, want := range map[string]string{apitest.Acme: acme, apitest.Operator: operator, apitest.Beta: ""} {
			if got := strings.Join(told(party), ", "); got != want {
				t.Errorf("%s %s is told %q, want %q", when, party, got, want)
			}
		}
	}
	a.days.Store(82)
	want("eight days before", "", "")
	a.jump.Store(true)
	a.days.Store(84)
	want("while a jump waits", "", "")
	a.jump.Store(false)
	want("six days before", "data.expires members", "")
	a.days.Store(85)
	want("the next day", "data.expires members", "")
	again, err := api.New(opened)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.LookAtExpiries(t.Context()); err != nil {
		t.Fatal(err)
	}
	want("after another front looked", "data.expires members", "")
	// The last day comes nearer: the list goes with it, on another day.
	e, err := r.Enclave.Entrustment(t.Context(), apitest.Entrustment)
	if err != nil {
		t.Fatal(err)
	}
	now := entrustment.DateOf(time.Now())
	c := *e.Versions[0].Contract
	c.Until, c.Retention.Reports = now.Add(87), 20
	if _, err := r.Enclave.Entrust(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	want("amended", "contract.expires, data.expires members, data.expires members", "contract.expires")
	a.days.Store(104)
	want("before the end", "contract.ends, contract.expires, data.expires members, data.expires members", "contract.ends, contract.expires")
	if _, err := r.Enclave.LoadList(t.Context(), wire.ListRequest{Entrustment: apitest.Entrustment, Name: "new"}, bytes.NewReader(r.SealedList("new", 1200))); err != nil {
		t.Fatal(err)
	}
	a.days.Store(86)
	want("of another list", "contract.ends, contract.expires, data.expires members, data.expires members, data.expires new", "contract.ends, contract.expires")
}
