package control

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"awase/api/store"
)

// A webhook's secrets open in its own row alone: who can write the file can't have
// one party's events signed with another's secret. Two sign until the old one's day
// is over.
func TestSecretsBound(t *testing.T) {
	s := open(t)
	now := time.Now().Truncate(time.Millisecond)
	n := 0
	newID := func(prefix string) string { n++; return fmt.Sprintf("%s-%04d", prefix, n) }
	secrets := map[string][]byte{"whk-a": bytes.Repeat([]byte{1}, 32), "whk-b": bytes.Repeat([]byte{2}, 32)}
	for _, id := range []string{"whk-a", "whk-b"} {
		if err := s.AddWebhook(t.Context(), &store.Webhook{ID: id, Party: "party-" + id, URL: "https://example.com/", Enabled: true, Created: now, Changed: now}, secrets[id], 20); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for i := range 3 {
		e := store.Event{ID: fmt.Sprint("evt-", i), Party: "party-whk-a", Kind: "freeze", Subject: "room", At: now}
		for range 2 {
			if err := s.Tell(t.Context(), &store.Telling{Event: e, Body: []byte("{}"), NewID: newID}); err != nil {
				t.Fatal(err)
			}
		}
	}
	all, err := s.Deliveries(t.Context(), "party-whk-a", "whk-a", "", store.Page{Limit: 10})
	if err != nil || len(all) != 3 {
		t.Fatalf("%d deliveries, %v; want 3, each told once", len(all), err)
	}
	for i, d := range all {
		ids = append(ids, d.ID)
		if ahead, err := s.DeliveriesAhead(t.Context(), "whk-a", d.ID, now); err != nil || ahead != 2-i {
			t.Errorf("%d ahead of %s, %v", ahead, d.ID, err)
		}
	}
	if other, err := s.Deliveries(t.Context(), "party-whk-b", "whk-a", "", store.Page{Limit: 10}); err != nil || len(other) != 0 {
		t.Errorf("another party sees %d, %v", len(other), err)
	}
	if _, err := s.Delivery(t.Context(), "party-whk-b", "whk-a", ids[0]); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	if err := s.SendAgain(t.Context(), "party-whk-b", "whk-a", ids[0], "job-x", now); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	signers := func(at time.Time) int {
		t.Helper()
		d, err := s.Sending(t.Context(), ids[0], at)
		if err != nil {
			t.Fatal(err)
		}
		return len(d.Secrets)
	}
	if d, err := s.Sending(t.Context(), ids[0], now); err != nil || len(d.Secrets) != 1 || !bytes.Equal(d.Secrets[0], secrets["whk-a"]) {
		t.Fatal(d, err)
	}
	if err := s.RotateWebhook(t.Context(), "party-whk-a", "whk-a", bytes.Repeat([]byte{3}, 32), now.Add(time.Hour), now); err != nil {
		t.Fatal(err)
	}
	if signers(now) != 2 || signers(now.Add(time.Hour)) != 1 {
		t.Error("the old secret signs too short or too long")
	}
	if err := s.RotateWebhook(t.Context(), "party-whk-b", "whk-a", secrets["whk-b"], now, now); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	if _, err := s.write.ExecContext(t.Context(), "UPDATE webhook SET secret = (SELECT secret FROM webhook WHERE id = 'whk-b') WHERE id = 'whk-a'"); err != nil {
		t.Fatal(err)
	}
	if d, err := s.Sending(t.Context(), ids[0], now); err == nil {
		t.Errorf("a secret of another row opened: %d", len(d.Secrets))
	}
	// The twin: without the row's name in the seal, it would.
	sealed := s.keys.seal.Seal(nil, nil, secrets["whk-b"], nil)
	if got, err := s.keys.seal.Open(nil, nil, sealed, nil); err != nil || !bytes.Equal(got, secrets["whk-b"]) {
		t.Error(err)
	}
}

// An inbox is in the order in which its person was told, of one millisecond too: that the
// room goes on stands above that it stopped. Pages follow on one another, also after the
// notice that one ended with is gone.
func TestNoticesInOrder(t *testing.T) {
	s := open(t)
	must(t, s.AddPerson(t.Context(), somebody("per-1", "a@acme.example", "admin")))
	now := time.Now().Truncate(time.Millisecond)
	kinds := []string{"freeze", "unfreeze", "freeze", "unfreeze", "freeze"}
	for i, kind := range kinds {
		e := store.Event{ID: fmt.Sprint("evt-", i), Party: "acme", Kind: kind, Subject: "room", At: now}
		id := func(prefix string) string { return fmt.Sprintf("%s-0000000000%d", prefix, 9-i) } // as chance may have it
		must(t, s.Tell(t.Context(), &store.Telling{Event: e, Body: []byte("{}"), Roles: []string{"admin"}, NewID: id}))
	}
	var got, ids []string
	after := ""
	for {
		page, _, err := s.Notices(t.Context(), "per-1", false, store.Page{After: after, Limit: 2})
		must(t, err)
		page = page[:min(2, len(page))] // one more says that there are more
		if len(page) == 0 {
			break
		}
		for _, n := range page {
			got, ids = append(got, n.Kind), append(ids, n.ID)
		}
		after = ids[len(ids)-1]
	}
	slices.Reverse(kinds)
	if !slices.Equal(got, kinds) {
		t.Errorf("told %q, newest first; want %q", got, kinds)
	}
	if rest, _, err := s.Notices(t.Context(), "per-1", false, store.Page{After: "ntc-00000000009x", Limit: 9}); err != nil || len(rest) != len(kinds) {
		t.Errorf("%d after a notice that is gone, %v", len(rest), err)
	}
}
