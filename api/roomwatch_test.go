package api_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"awase/api"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/apitest"
)

// Who has to sign is told of a draft once, whoever made it and however often the
// service starts; who has not is not told.
func TestDraftIsTold(t *testing.T) {
	r := apitest.StartSigned(t, func(o *api.Options) { o.Jobs.Look = 20 * time.Millisecond })
	officer, other := r.As(apitest.Person(apitest.Operator, api.Privacy)), r.As(apitest.Person("acme", api.Privacy))
	if _, err := r.Enclave.AddParty(t.Context(), apitest.Party("beta", entrustment.ClassClient)); err != nil { // at the machine
		t.Fatal(err)
	}
	told := func(c *apitest.Client) (kinds []string) {
		var page struct{ Items []struct{ Kind string } }
		c.Do("GET", "/v1/notices", nil).Want(200).JSON(&page)
		for _, n := range page.Items {
			kinds = append(kinds, n.Kind)
		}
		return kinds
	}
	for until := time.Now().Add(10 * time.Second); len(told(officer)) == 0 && time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
	}
	time.Sleep(200 * time.Millisecond) // ten looks more
	if got := strings.Join(told(officer), " "); got != "draft.waits" {
		t.Errorf("the officer is told %q", got)
	}
	if got := told(other); len(got) != 0 {
		t.Errorf("another party is told %q", got)
	}
}

// Everybody is told that releases are stopped, and that they go on.
func TestFreezeIsTold(t *testing.T) {
	r := apitest.Start(t, func(o *api.Options) { o.Jobs.Look = 20 * time.Millisecond })
	r.Furnish()
	c := r.As(apitest.Person(apitest.Acme, api.Privacy))
	wait := func(want string) {
		t.Helper()
		var got string
		for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
			var page struct{ Items []struct{ Kind string } }
			c.Do("GET", "/v1/notices", nil).Want(200).JSON(&page)
			got = ""
			for _, n := range page.Items {
				got += n.Kind + " "
			}
			if got == want {
				return
			}
		}
		t.Fatalf("told %q, want %q", got, want)
	}
	c.Do("POST", "/v1/freeze", map[string]any{}).Want(200)
	wait("freeze ")
	r.As(apitest.Person(apitest.Operator, api.Privacy)).Do("POST", "/v1/freeze/lift", map[string]any{}).Want(200)
	wait("unfreeze freeze ")
}

// A freeze that is lifted again between two looks is told, and that it was lifted; the
// one that stands is told last.
func TestShortFreezeIsTold(t *testing.T) {
	var l looked
	r := apitest.Start(t, func(o *api.Options) {
		l.Enclave, l.shut = o.Enclave, make(chan struct{}, 1)
		o.Enclave, o.Jobs.Look = &l, 10*time.Millisecond
	})
	r.Furnish()
	c := r.As(apitest.Person(apitest.Acme, api.Privacy))
	l.looks(t, 5)
	l.shut <- struct{}{}
	l.looks(t, 2) // no look is under way that sees the room as it was
	for range 2 {
		if _, err := r.Enclave.Freeze(t.Context(), wire.FreezeRequest{}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Enclave.Lift(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Enclave.Freeze(t.Context(), wire.FreezeRequest{}); err != nil {
		t.Fatal(err)
	}
	<-l.shut
	const want = "freeze unfreeze freeze freeze "
	var got string
	for until := time.Now().Add(10 * time.Second); got != want && time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		var page struct{ Items []struct{ Kind string } }
		c.Do("GET", "/v1/notices", nil).Want(200).JSON(&page)
		got = ""
		for _, n := range page.Items {
			got += n.Kind + " "
		}
	}
	if got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

// looked counts how often an enclave is asked how it is, and what follows from that.
type looked struct {
	api.Enclave
	room, drafts atomic.Int64
	shut         chan struct{} // while it has something, nothing is answered
}

func (l *looked) Room(ctx context.Context) (wire.Room, error) {
	defer l.room.Add(1)
	if len(l.shut) > 0 {
		return wire.Room{}, errors.New("shut")
	}
	return l.Enclave.Room(ctx)
}

// looks waits for so many looks more.
func (l *looked) looks(t *testing.T, n int64) {
	t.Helper()
	for until, was := time.Now().Add(20*time.Second), l.room.Load(); l.room.Load() < was+n; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("it does not look")
		}
	}
}

func (l *looked) Drafts(ctx context.Context) ([]wire.Draft, error) {
	defer l.drafts.Add(1)
	return l.Enclave.Drafts(ctx)
}

// While the log has no new entry, the enclave is asked for that alone.
func TestWatchAsksLittle(t *testing.T) {
	var l looked
	r := apitest.Start(t, func(o *api.Options) {
		l.Enclave = o.Enclave
		o.Enclave, o.Jobs.Look = &l, 10*time.Millisecond
	})
	l.looks(t, 5)
	if got := l.drafts.Load(); got != 1 {
		t.Errorf("before anything happens drafts are asked for %d times", got)
	}
	if _, err := r.Enclave.AddParty(t.Context(), apitest.Party("beta", entrustment.ClassClient)); err != nil {
		t.Fatal(err)
	}
	l.looks(t, 5)
	if got := l.drafts.Load(); got != 2 {
		t.Errorf("after a new entry drafts were asked for %d times in all", got)
	}
}
