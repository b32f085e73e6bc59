package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"awase/api"
	"awase/api/account"
	"awase/api/client"
	"awase/api/store"
	"awase/enclave/wire"
	"awase/sql/control"
)

// killTokens makes the accounts that ask while everything is killed, and gives their
// API tokens: of marketing, and of ad-ops, of acme.
func killTokens(t *testing.T, dir string) (marketing, desk string) {
	t.Helper()
	at := filepath.Join(dir, "awase-data", "control")
	if err := os.MkdirAll(at, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := control.Open(t.Context(), filepath.Join(at, "control.db"))
	if err != nil {
		t.Fatal(err)
	}
	marketing, desk = tokenOf(t, s, "acme", api.Marketing), tokenOf(t, s, "acme", api.AdOps)
	if err := s.Close(); err != nil { // the front opens it
		t.Fatal(err)
	}
	return marketing, desk
}

// tokenOf makes an account of a role, and gives an API token of it.
func tokenOf(t *testing.T, s *control.Store, party string, role api.Role) string {
	t.Helper()
	email := string(role) + "@" + party + ".example"
	if err := api.MakeAccounts(t.Context(), s, []api.Account{{Email: email, Name: "Kim", Party: party, Role: role}}); err != nil {
		t.Fatal(err)
	}
	p, err := s.PersonByEmail(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	secret, now := account.NewToken(), time.Now().Truncate(time.Millisecond)
	if err := s.AddToken(t.Context(), store.Token{Hash: account.Hash(secret), ID: "tok-" + string(role), Person: p.ID, Party: p.Party, Name: "kill", Scopes: api.Scopes(), Created: now, Ends: now.Add(24 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	return secret
}

// sealLists seals lists, each of other people, and gives them by name.
func sealLists(t *testing.T, dir string, n int) map[string][]byte {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "terms.json"), []byte(mustRun(t, dir, "terms", "--vault", "V", "--entrustment", "acme-2026")), 0o600); err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for i := range n {
		name := fmt.Sprint("kill-", i)
		var b bytes.Buffer
		b.WriteString("Email,Phone,Rank,Name\n")
		for u := range 1500 {
			fmt.Fprintf(&b, "%s,,gold,A\n", canaryEmail(u+i))
		}
		if err := os.WriteFile(filepath.Join(dir, name+".csv"), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		mustRun(t, dir, "seal", "--terms", "terms.json", "--name", name, "--schema", "list.yaml", "--out", name+".awase", name+".csv")
		raw, err := os.ReadFile(filepath.Join(dir, name+".awase"))
		if err != nil {
			t.Fatal(err)
		}
		out[name] = raw
	}
	return out
}

// as gives a client of the room, which tries again what was killed under it.
func (l *load) as(token string) *client.Client {
	c, err := client.New(l.front, client.Options{Token: token, Patience: 3 * time.Minute, Pause: 50 * time.Millisecond, Chunk: 16 << 10})
	if err != nil {
		l.t.Error(err)
	}
	return c
}

// job posts what becomes a job, and follows it to its end; it has to be done.
func (l *load) job(ctx context.Context, c *client.Client, path string, body, result any) bool {
	var j client.Job
	err := c.Post(ctx, path, rand.Text(), body, &j)
	if err == nil {
		l.mu.Lock()
		l.jobs[j.ID] = true
		l.mu.Unlock()
		err = c.Room("", nil).Follow(ctx, j.ID, nil, result)
	}
	if err != nil {
		l.t.Errorf("%s: %v", path, err)
	}
	return err == nil
}

// askRoom asks through /v1 and reads what came; other bytes than at the socket are a
// fault.
func (l *load) askRoom(asker int, c *client.Client) {
	for n := asker; l.going(); n++ {
		i := n % len(killSpecs)
		var done struct{ Report string }
		if !l.job(l.t.Context(), c, "/v1/reports", map[string]any{"question": l.question(i)}, &done) {
			return
		}
		var r wire.Release
		if err := c.Get(l.t.Context(), "/v1/reports/"+url.PathEscape(done.Report), &r); err != nil {
			l.t.Errorf("report %s: %v", done.Report, err)
			return
		}
		l.took(i, &r)
		l.mu.Lock()
		l.reports, l.shown[i] = l.reports+1, true
		l.mu.Unlock()
	}
}

// refusedForGood tells a refusal from what a kill does to a request: no answer, or
// one of a room that is not there.
func refusedForGood(err error) bool {
	e, refused := errors.AsType[*client.Error](err)
	return refused && e.Status < 500 && e.Status != http.StatusTooManyRequests
}

// loadLists uploads lists and has them loaded, one after the other, over a time.
func (l *load) loadLists(c *client.Client, sealed map[string][]byte, whole time.Duration) {
	ctx := l.t.Context()
	next := time.NewTicker(whole / time.Duration(len(sealed)+1))
	defer next.Stop()
	for name, raw := range sealed {
		if !l.going() {
			return
		}
		var id string
		for end := time.Now().Add(3 * time.Minute); id == ""; time.Sleep(50 * time.Millisecond) {
			// It may have been made though nobody said so: then it expires.
			var err error
			if id, err = c.CreateUpload(ctx, "acme-2026", name, int64(len(raw))); err != nil && (refusedForGood(err) || time.Now().After(end)) {
				l.t.Errorf("making an upload: %v", err)
				return
			}
		}
		if err := c.Upload(ctx, id, bytes.NewReader(raw), int64(len(raw)), func(int64) {}); err != nil {
			l.t.Errorf("uploading: %v", err)
			return
		}
		var loaded struct{ Version int }
		if !l.job(ctx, c, "/v1/lists", map[string]any{"upload": id, "entrustment": "acme-2026", "name": name}, &loaded) {
			return
		}
		if loaded.Version != 1 {
			l.t.Errorf("list %s was loaded as version %d", name, loaded.Version)
		}
		l.mu.Lock()
		l.lists[name] = true
		l.mu.Unlock()
		select {
		case <-next.C:
		case <-l.stop:
		}
	}
}

// checkRoom looks, through /v1, at everything that was accepted once more.
func (l *load) checkRoom(marketing, desk *client.Client) {
	ctx := l.t.Context()
	for id := range l.jobs {
		var j client.Job
		if err := marketing.Get(ctx, "/v1/jobs/"+id, &j); err != nil || j.State != "done" {
			l.t.Errorf("job %s was accepted and is %q: %v", id, j.State, err)
		}
	}
	var reports struct{ Items []struct{ ID string } }
	if err := marketing.Get(ctx, "/v1/reports?limit=200", &reports); err != nil || len(reports.Items) != len(killSpecs) {
		l.t.Errorf("%d reports, want one a question: %v", len(reports.Items), err)
	}
	lists, err := desk.Room("", nil).Lists(ctx, "acme-2026")
	if err != nil || len(lists) != 1+len(l.lists) {
		l.t.Errorf("%d lists, want %d: %v", len(lists), 1+len(l.lists), err)
	}
	for _, list := range lists {
		if len(list.Versions) != 1 || list.Name != "spring" && !l.lists[list.Name] {
			l.t.Errorf("list %s has %d versions", list.Name, len(list.Versions))
		}
	}
	// The service's ledger is the enclave's.
	shown, err := marketing.Room("", nil).Ledger(ctx, wire.LedgerRequest{})
	if err != nil {
		l.t.Fatal(err)
	}
	var charged []string
	for _, a := range shown.Accounts {
		for _, charge := range a.Charges {
			charged = append(charged, a.Owner+" "+charge.Spec)
		}
	}
	slices.Sort(charged)
	if n := len(charged); n != len(killSpecs) || len(slices.Compact(charged)) != n {
		l.t.Errorf("/v1/ledger shows %d charges, want one a question", n)
	}
}
