package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"sync"
	"time"

	"awase/api/hook"
	"awase/api/store"
	"awase/entrustment"
)

// Times of sending.
const (
	defaultGiveUp = 5 * 24 * time.Hour
	defaultAtOnce = 32
	ofParty       = 8 // sendings at once to the receivers of one party
	ofHook        = 4 // and to one webhook
	slotWait      = 250 * time.Millisecond
)

// defaultRetry are the waits between tries that the scheme recommends.
func defaultRetry() []time.Duration {
	return []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour}
}

// hooks sends webhooks.
type hooks struct {
	sender *hook.Sender
	guard  hook.Guard
	retry  []time.Duration
	giveUp time.Duration
	slots  slots
}

func newHooks(o *Options) *hooks {
	h := &hooks{guard: hook.Guard{Allow: o.Hooks.Allow}, retry: o.Hooks.Retry, giveUp: o.Hooks.GiveUp, slots: slots{most: o.Hooks.AtOnce, taken: map[string]int{}}}
	if h.retry == nil {
		h.retry = defaultRetry()
	}
	if h.giveUp == 0 {
		h.giveUp = defaultGiveUp
	}
	if h.slots.most == 0 {
		h.slots.most = defaultAtOnce
	}
	h.sender = hook.New(hook.Options{Guard: h.guard, Roots: o.Hooks.Roots, Agent: "Awase-Webhooks/1", Now: o.Now})
	return h
}

func (s *Server) guard() *hook.Guard { return &s.hooks.guard }

// slots bound how many sendings run at once: in all, of one party and of one
// webhook, so that a slow receiver holds up its own alone.
type slots struct {
	mu    sync.Mutex
	most  int
	all   int
	taken map[string]int
}

// take takes a slot, or none; give gives it back.
func (s *slots) take(party, webhook string) (give func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, w := "party "+party, "webhook "+webhook
	if s.all >= s.most || s.taken[p] >= ofParty || s.taken[w] >= ofHook {
		return nil, false
	}
	s.all++
	s.taken[p]++
	s.taken[w]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		for _, k := range []string{p, w} {
			if s.taken[k]--; s.taken[k] == 0 {
				delete(s.taken, k)
			}
		}
	}, true
}

// deliver is the runner of a delivery: one try of it. It is sent at least once: a
// crash after the sending and before it is kept sends it again, under the same
// webhook-id.
func (s *Server) deliver(ctx context.Context, j *store.Job) (outcome, error) {
	var e store.Errand
	if err := json.Unmarshal(j.Subject, &e); err != nil {
		return outcome{}, fmt.Errorf("reading what to send: %w", err)
	}
	now := s.Now()
	d, err := s.Store.Sending(ctx, e.Delivery, now)
	switch {
	case errors.Is(err, store.ErrNotFound): // the webhook was dropped
		return outcome{}, nil
	case err != nil:
		return outcome{}, err
	case d.Job != j.ID || d.State != store.DeliveryWaits || !d.Enabled:
		return outcome{}, nil
	case d.Next.After(now):
		return outcome{again: d.Next.Sub(now)}, nil
	}
	give, ok := s.hooks.slots.take(d.Party, d.Webhook)
	if !ok {
		// The further behind, the later it asks again: thousands that wait for a slow
		// receiver ask a few times a second in all.
		ahead, err := s.Store.DeliveriesAhead(ctx, d.Webhook, d.ID, now)
		return outcome{again: jitter(slotWait * time.Duration(1+ahead/ofHook))}, err
	}
	defer give()
	r := s.hooks.sender.Send(ctx, hook.Message{URL: d.URL, ID: d.Event, Secrets: d.Secrets, Body: d.Body})
	if err := ctx.Err(); errors.Is(err, context.Canceled) && r.Fault != "" {
		return outcome{}, err // the front ends: it was cut off here, not there
	}
	t, err := s.tried(d, r, s.Now())
	if err != nil {
		return outcome{}, err
	}
	write, stop := context.WithTimeout(context.WithoutCancel(ctx), writeWait)
	defer stop()
	if err := s.Store.EndTry(write, t); err != nil {
		return outcome{}, err
	}
	s.Logger.LogAttrs(ctx, slog.LevelInfo, "webhook", slog.String("webhook", d.Webhook), slog.String("delivery", d.ID), slog.Int("status", r.Status),
		slog.String("fault", string(r.Fault)), slog.Duration("took", r.Took), slog.String("state", string(t.State)))
	if t.State == store.DeliveryWaits {
		return outcome{again: max(time.Millisecond, t.Next.Sub(s.Now()))}, nil
	}
	return outcome{}, nil
}

// tried decides what becomes of a delivery and its webhook after a try.
func (s *Server) tried(d *store.Sending, r hook.Result, now time.Time) (*store.Tried, error) {
	t := &store.Tried{Delivery: d.ID, Webhook: d.Webhook, Job: d.Job, State: store.DeliverySent,
		Try: store.Try{At: now, Status: r.Status, Fault: string(r.Fault), Took: r.Took}}
	if r.Fault == "" {
		return t, nil
	}
	t.State = store.DeliveryFailed
	if d.Tries < len(s.hooks.retry) {
		t.State, t.Next = store.DeliveryWaits, now.Add(max(jitter(s.hooks.retry[d.Tries]), r.Later))
	}
	switch {
	case r.Fault == hook.FaultGone:
		t.State, t.Next, t.Disable = store.DeliveryFailed, time.Time{}, store.DisabledByGone
	case !d.Failing.IsZero() && now.Sub(d.Failing) >= s.hooks.giveUp:
		t.State, t.Next, t.Disable = store.DeliveryFailed, time.Time{}, store.DisabledByFailing
	default:
		return t, nil
	}
	said, err := json.Marshal(map[string]string{"disabled_by": t.Disable})
	if err != nil {
		return nil, err
	}
	t.Telling, err = s.telling(store.Event{Party: d.Party, Kind: store.EventWebhookDisabled, Subject: d.Webhook, Data: said, At: now})
	return t, err
}

// jitter gives a wait within a tenth of one, so that what failed together does not
// come back together.
func jitter(wait time.Duration) time.Duration {
	tenth := int64(wait / 10)
	n, err := rand.Int(rand.Reader, big.NewInt(2*tenth+1))
	if err != nil {
		return wait
	}
	return wait + time.Duration(n.Int64()-tenth)
}

// expireEvents forgets what was told long ago, and gives deliveries whose job broke
// too often another one.
func (s *Server) expireEvents(ctx context.Context) error {
	now := s.Now()
	n, err := s.Store.AdoptDeliveries(ctx, newID, now)
	if n > 0 {
		s.Logger.LogAttrs(ctx, slog.LevelWarn, "deliveries of webhooks had no job, and have one again", slog.Int("deliveries", n))
	}
	return errors.Join(err, s.Store.ExpireEvents(ctx, now.Add(-eventLife)))
}

// tooMany says what a conflict of a new webhook is.
func tooMany(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return &entrustment.Error{Code: entrustment.CodeLimit, Field: "webhooks", Detail: fmt.Sprintf("the party has %d webhooks", maxHooks), Mend: "delete one that is not used"}
	}
	return err
}
