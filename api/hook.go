package api

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"awase/api/hook"
	"awase/api/mail"
	"awase/api/store"
	"awase/entrustment"
)

// HookStore is what the operations of webhooks and notices keep.
type HookStore interface {
	Tell(ctx context.Context, t *store.Telling) error
	ExpireEvents(ctx context.Context, before time.Time) error

	AddWebhook(ctx context.Context, w *store.Webhook, secret []byte, most int) error
	Webhook(ctx context.Context, party, id string) (*store.Webhook, error)
	Webhooks(ctx context.Context, party string, p store.Page) ([]*store.Webhook, error)
	SetWebhook(ctx context.Context, w *store.Webhook) error
	RotateWebhook(ctx context.Context, party, id string, secret []byte, until, now time.Time) error
	DropWebhook(ctx context.Context, party, id string) error
	Deliveries(ctx context.Context, party, hook string, state store.DeliveryState, p store.Page) ([]*store.Delivery, error)
	Delivery(ctx context.Context, party, hook, id string) (*store.Delivery, error)
	Sending(ctx context.Context, id string, now time.Time) (*store.Sending, error)
	DeliveriesAhead(ctx context.Context, hook, id string, now time.Time) (int, error)
	EndTry(ctx context.Context, t *store.Tried) error
	SendAgain(ctx context.Context, party, hook, id, job string, now time.Time) error
	AdoptDeliveries(ctx context.Context, newID func(prefix string) string, now time.Time) (int, error)

	Notices(ctx context.Context, person string, unread bool, p store.Page) ([]store.Notice, int, error)
	ReadNotice(ctx context.Context, person, id string, at time.Time) error
	ReadNotices(ctx context.Context, person string, at time.Time) error
	Letter(ctx context.Context, notice string) (store.Letter, error)
	MailKinds(ctx context.Context, person string) ([]string, error)
	SetMailKinds(ctx context.Context, person string, kinds []string) error
}

// HookOptions says how people and machines are told of events.
type HookOptions struct {
	Allow  []netip.Prefix  // addresses that webhooks may reach though they are not of the public internet, by http too
	Roots  *x509.CertPool  // whom receivers' certificates come from; nil: whom the system trusts
	Retry  []time.Duration // waits between the tries of a delivery; nil: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h
	GiveUp time.Duration   // a webhook is disabled when nothing was taken for so long; 0: 5 days
	AtOnce int             // sendings at once; 0: 32
	Mail   *mail.Sender    // nil: nobody is told by mail
	URL    string          // where people open the room, for the links of mails
}

// Limits of webhooks.
const (
	maxHooks       = 20 // of a party
	maxDescription = 200
	oldSecretLife  = 24 * time.Hour      // a secret signs on for so long after it was replaced
	eventLife      = 90 * 24 * time.Hour // that what was told can be read, and sent again
)

// tell makes notices and deliveries of an event, and the jobs that send them, in
// one transaction: once it returned nil, a crash loses none of them.
// Who has a role of but gets no notice of it: something else tells them the same.
func (s *Server) tell(ctx context.Context, e store.Event, but ...Role) error {
	t, err := s.telling(e)
	if err != nil {
		return fmt.Errorf("telling of %s: %w", e.Kind, err)
	}
	t.But = roleNames(but)
	return s.Store.Tell(ctx, t)
}

// telling makes an event whole.
func (s *Server) telling(e store.Event) (*store.Telling, error) {
	kind, ok := kindOf(e.Kind)
	if !ok {
		return nil, fmt.Errorf("there is no such kind of event")
	}
	if !word(e.Subject) {
		return nil, fmt.Errorf("its subject is not an id")
	}
	if e.Data != nil {
		var err error
		if e.Data, err = tame(e.Data); err != nil {
			return nil, err
		}
	}
	if e.ID == "" {
		e.ID = newID("evt")
	}
	if e.At.IsZero() {
		e.At = s.Now()
	}
	e.At = e.At.UTC().Truncate(time.Millisecond)
	t := &store.Telling{Event: e, Mail: s.Hooks.Mail != nil, NewID: newID}
	t.Roles = roleNames(kind.roles)
	var err error
	t.Body, err = json.Marshal(hookBody{e.Kind, e.At, hookData{e.Party, e.Subject, e.Data}})
	return t, err
}

func roleNames(roles []Role) (out []string) {
	for _, r := range roles {
		out = append(out, string(r))
	}
	return out
}

// hookBody is what webhooks are sent, as the scheme recommends it.
type hookBody struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      hookData  `json:"data"`
}

type hookData struct {
	Party   string          `json:"party"`
	Subject string          `json:"subject"`
	Details json.RawMessage `json:"details,omitempty"`
}

// hookEndpoints are the operations of webhooks and notices.
func (s *Server) hookEndpoints() []endpoint {
	return append(s.noticeEndpoints(), []endpoint{
		{"listWebhooks", http.MethodGet, "/v1/webhooks", s.listWebhooks},
		{"addWebhook", http.MethodPost, "/v1/webhooks", s.addWebhook},
		{"getWebhook", http.MethodGet, "/v1/webhooks/:webhook", s.getWebhook},
		{"changeWebhook", http.MethodPatch, "/v1/webhooks/:webhook", s.changeWebhook},
		{"dropWebhook", http.MethodDelete, "/v1/webhooks/:webhook", s.dropWebhook},
		{"rotateWebhook", http.MethodPost, "/v1/webhooks/:webhook/secret", s.rotateWebhook},
		{"testWebhook", http.MethodPost, "/v1/webhooks/:webhook/test", s.testWebhook},
		{"listDeliveries", http.MethodGet, "/v1/webhooks/:webhook/deliveries", s.listDeliveries},
		{"resendDelivery", http.MethodPost, "/v1/webhooks/:webhook/deliveries/:delivery/resend", s.resendDelivery},
	}...)
}

// hookView is a webhook as its admins see it.
type hookView struct {
	ID          string     `json:"id"`
	URL         string     `json:"url"`
	Kinds       []string   `json:"kinds"`
	Description string     `json:"description"`
	Enabled     bool       `json:"enabled"`
	Why         string     `json:"disabled_by,omitempty"`
	Failing     *time.Time `json:"failing_since,omitempty"`
	OldUntil    *time.Time `json:"old_secret_until,omitempty"`
	Created     time.Time  `json:"created"`
	Changed     time.Time  `json:"changed"`
	Secret      string     `json:"secret,omitempty"` // once, where it was made
}

func viewHook(w *store.Webhook) hookView {
	v := hookView{ID: w.ID, URL: w.URL, Kinds: w.Kinds, Description: w.Description, Enabled: w.Enabled, Why: w.Why,
		Failing: moment(w.Failing), OldUntil: moment(w.OldUntil), Created: w.Created, Changed: w.Changed}
	if v.Kinds == nil {
		v.Kinds = []string{}
	}
	return v
}

// hookChange is what people send of a webhook; nil: as it is.
type hookChange struct {
	URL         *string   `json:"url"`
	Kinds       *[]string `json:"kinds"`
	Description *string   `json:"description"`
	Enabled     *bool     `json:"enabled"`
}

// apply changes a webhook.
func (ch *hookChange) apply(w *store.Webhook, guard *hook.Guard) error {
	if ch.URL != nil {
		if _, err := guard.Parse(*ch.URL); err != nil {
			return err
		}
		if w.URL != *ch.URL {
			w.URL, w.Failing = *ch.URL, time.Time{}
		}
	}
	if ch.Kinds != nil {
		kinds, err := wantedKinds(*ch.Kinds)
		if err != nil {
			return err
		}
		w.Kinds = kinds
	}
	if d := ch.Description; d != nil {
		if len(*d) > maxDescription || !utf8.ValidString(*d) || strings.ContainsFunc(*d, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return &entrustment.Error{Code: entrustment.CodeSpec, Field: "description", Detail: "it is longer than 200 bytes, or not one line", Mend: "say shorter what it is for"}
		}
		w.Description = *d
	}
	if ch.Enabled != nil && *ch.Enabled != w.Enabled {
		w.Enabled, w.Why, w.Failing = *ch.Enabled, "", time.Time{}
		if !w.Enabled {
			w.Why = store.DisabledByPerson
		}
	}
	return nil
}

// wantedKinds checks kinds that somebody wants to be told of, and sorts them.
func wantedKinds(kinds []string) ([]string, error) {
	for _, k := range kinds {
		if _, ok := kindOf(k); !ok || k == store.EventWebhookTest {
			return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "kinds", Detail: "there is no such kind of event", Mend: "GET /v1/me/notices lists the kinds"}
		}
	}
	kinds = slices.Clone(kinds)
	slices.Sort(kinds)
	return slices.Compact(kinds), nil
}

func (s *Server) listWebhooks(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.Store.Webhooks(c.ctx(), c.who.Party, p)
	if err != nil {
		return nil, err
	}
	views := make([]hookView, len(rows))
	for i, w := range rows {
		views[i] = viewHook(w)
	}
	return ok(paged(views, p, func(v hookView) string { return v.ID })), nil
}

func (s *Server) addWebhook(c *call) (*answer, error) {
	var ch hookChange
	if err := c.decode(&ch); err != nil {
		return nil, err
	}
	if ch.URL == nil {
		ch.URL = new(string) // is refused
	}
	now := s.Now().UTC().Truncate(time.Millisecond)
	w := &store.Webhook{ID: newID("whk"), Party: c.who.Party, Enabled: true, Created: now, Changed: now}
	if err := ch.apply(w, s.guard()); err != nil {
		return nil, err
	}
	secret := hook.NewSecret()
	if err := s.Store.AddWebhook(c.ctx(), w, secret, maxHooks); err != nil {
		return nil, tooMany(err)
	}
	v := viewHook(w)
	v.Secret = hook.Secret(secret)
	a := created("/v1/webhooks/"+w.ID, v)
	a.secret = true
	return a, nil
}

func (s *Server) getWebhook(c *call) (*answer, error) {
	w, err := s.Store.Webhook(c.ctx(), c.who.Party, c.param("webhook"))
	if err != nil {
		return nil, err
	}
	return ok(viewHook(w)), nil
}

func (s *Server) changeWebhook(c *call) (*answer, error) {
	var ch hookChange
	if err := c.decode(&ch); err != nil {
		return nil, err
	}
	w, err := s.Store.Webhook(c.ctx(), c.who.Party, c.param("webhook"))
	if err != nil {
		return nil, err
	}
	if tag := c.Header.Get("If-Match"); tag != "" {
		raw, err := marshal(viewHook(w))
		if err != nil {
			return nil, err
		}
		if !matches(tag, etag(raw)) {
			return nil, store.ErrConflict
		}
	}
	if err := ch.apply(w, s.guard()); err != nil {
		return nil, err
	}
	w.Changed = s.Now().UTC().Truncate(time.Millisecond)
	if err := s.Store.SetWebhook(c.ctx(), w); err != nil {
		return nil, err
	}
	return ok(viewHook(w)), nil
}

func (s *Server) dropWebhook(c *call) (*answer, error) {
	if err := s.Store.DropWebhook(c.ctx(), c.who.Party, c.param("webhook")); err != nil {
		return nil, err
	}
	return noContent(), nil
}

// rotateWebhook replaces the secret. The one before signs on beside it for a day,
// so that a receiver can be given the new one in between.
func (s *Server) rotateWebhook(c *call) (*answer, error) {
	now := s.Now().UTC().Truncate(time.Millisecond)
	secret, id := hook.NewSecret(), c.param("webhook")
	if err := s.Store.RotateWebhook(c.ctx(), c.who.Party, id, secret, now.Add(oldSecretLife), now); err != nil {
		return nil, err
	}
	w, err := s.Store.Webhook(c.ctx(), c.who.Party, id)
	if err != nil {
		return nil, err
	}
	v := viewHook(w)
	v.Secret = hook.Secret(secret)
	a := ok(v)
	a.secret = true
	return a, nil
}

// testWebhook sends an event that says nothing, to this webhook alone.
func (s *Server) testWebhook(c *call) (*answer, error) {
	w, err := s.Store.Webhook(c.ctx(), c.who.Party, c.param("webhook"))
	if err != nil {
		return nil, err
	}
	if !w.Enabled {
		return nil, errDisabled
	}
	t, err := s.telling(store.Event{Party: w.Party, Kind: store.EventWebhookTest, Subject: w.ID})
	if err != nil {
		return nil, err
	}
	t.Webhook = w.ID
	if err := s.Store.Tell(c.ctx(), t); err != nil {
		return nil, err
	}
	return accepted("/v1/webhooks/"+w.ID+"/deliveries", map[string]string{"event": t.ID}), nil
}

var errDisabled = &entrustment.Error{Code: CodeConflict, Field: "webhook", Detail: "it is disabled", Mend: "enable it first: PATCH {\"enabled\": true}"}

// deliveryView is a delivery as admins see it.
type deliveryView struct {
	ID      string              `json:"id"`
	Event   string              `json:"event"`
	Kind    string              `json:"kind"`
	Subject string              `json:"subject"`
	State   store.DeliveryState `json:"state"`
	Next    *time.Time          `json:"next_try,omitempty"`
	Created time.Time           `json:"created"`
	Ended   *time.Time          `json:"ended,omitempty"`
	Tries   []tryView           `json:"tries"`
}

type tryView struct {
	At     time.Time `json:"at"`
	Status int       `json:"status,omitempty"`
	Fault  string    `json:"fault,omitempty"`
	Took   int64     `json:"milliseconds"`
}

func viewDelivery(d *store.Delivery) deliveryView {
	v := deliveryView{ID: d.ID, Event: d.Event, Kind: d.Kind, Subject: d.Subject, State: d.State, Created: d.Created, Ended: moment(d.Ended), Tries: []tryView{}}
	if d.State == store.DeliveryWaits {
		v.Next = moment(d.Next)
	}
	for _, t := range d.History {
		v.Tries = append(v.Tries, tryView{t.At, t.Status, t.Fault, t.Took.Milliseconds()})
	}
	return v
}

func (s *Server) listDeliveries(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	state, err := c.choice("state", string(store.DeliveryWaits), string(store.DeliverySent), string(store.DeliveryFailed), string(store.DeliveryDropped))
	if err != nil {
		return nil, err
	}
	w, err := s.Store.Webhook(c.ctx(), c.who.Party, c.param("webhook"))
	if err != nil {
		return nil, err
	}
	rows, err := s.Store.Deliveries(c.ctx(), w.Party, w.ID, store.DeliveryState(state), p)
	if err != nil {
		return nil, err
	}
	views := make([]deliveryView, len(rows))
	for i, d := range rows {
		views[i] = viewDelivery(d)
	}
	return ok(paged(views, p, func(v deliveryView) string { return v.ID })), nil
}

// resendDelivery sends the same event again under the same webhook-id: a receiver
// that has it already can tell.
func (s *Server) resendDelivery(c *call) (*answer, error) {
	party, id, delivery := c.who.Party, c.param("webhook"), c.param("delivery")
	w, err := s.Store.Webhook(c.ctx(), party, id)
	if err != nil {
		return nil, err
	}
	if !w.Enabled {
		return nil, errDisabled
	}
	if err := s.Store.SendAgain(c.ctx(), party, id, delivery, newID("job"), s.Now()); err != nil {
		return nil, err
	}
	d, err := s.Store.Delivery(c.ctx(), party, id, delivery)
	if err != nil {
		return nil, err
	}
	return accepted("/v1/webhooks/"+id+"/deliveries", viewDelivery(d)), nil
}
