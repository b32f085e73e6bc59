package control

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"awase/api/store"
)

func somebody(id, email string, roles ...string) store.Person {
	return store.Person{ID: id, Party: "acme", Email: email, Name: "N", Roles: roles, Language: "ja", Created: time.UnixMilli(1)}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Second factors are sealed under control.key, which is the owner's alone; without
// it, with another, or moved to another person they do not open.
func TestKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "control.db")
	key := filepath.Join(dir, "control.key")
	again := func() (*Store, error) { return Open(t.Context(), path) }
	s, err := again()
	must(t, err)
	info, err := os.Stat(key)
	must(t, err)
	if info.Mode().Perm() != 0o600 || info.Size() != keyLen {
		t.Fatalf("%v, %d bytes", info.Mode(), info.Size())
	}
	// Nothing is sealed yet: a lost key is made anew.
	must(t, s.Close())
	must(t, os.Remove(key))
	s, err = again()
	must(t, err)

	const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	must(t, s.AddPerson(t.Context(), somebody("per-1", "a@acme.example", "admin")))
	must(t, s.AddPerson(t.Context(), somebody("per-2", "b@acme.example", "admin")))
	must(t, s.BeginTOTP(t.Context(), "per-1", secret))
	must(t, s.SetTOTP(t.Context(), "per-1", secret, 7, [][]byte{{1}, {2}}, ""))
	got, err := s.TOTP(t.Context(), "per-1")
	if err != nil || got.Secret != secret || got.Pending != "" {
		t.Fatalf("%+v %v", got, err)
	}
	if _, err := s.write.ExecContext(t.Context(), "UPDATE person SET totp = (SELECT totp FROM person WHERE id = 'per-1') WHERE id = 'per-2'"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.TOTP(t.Context(), "per-2"); err == nil {
		t.Error("a second factor opens as another person's")
	}
	must(t, s.Close())
	names, err := filepath.Glob(path + "*")
	must(t, err)
	for _, name := range names {
		raw, err := os.ReadFile(name)
		must(t, err)
		if bytes.Contains(raw, []byte(secret)) {
			t.Errorf("%s holds the secret", filepath.Base(name))
		}
	}

	right, err := os.ReadFile(key)
	must(t, err)
	must(t, os.Remove(key))
	if _, err := again(); err == nil || !strings.Contains(err.Error(), "put back") {
		t.Errorf("a lost key: %v", err)
	}
	if _, err := os.Stat(key); !errors.Is(err, os.ErrNotExist) {
		t.Error("a lost key was made anew")
	}
	must(t, os.WriteFile(key, right[:31], 0o600))
	if _, err := again(); err == nil {
		t.Error("half a key passed")
	}
	must(t, os.WriteFile(key, bytes.Repeat([]byte{7}, keyLen), 0o600))
	s, err = again()
	must(t, err)
	if _, err := s.TOTP(t.Context(), "per-1"); err == nil {
		t.Error("another key opens it")
	}
	must(t, s.Close())
	must(t, os.WriteFile(key, right, 0o600))
	s, err = again()
	must(t, err)
	if got, err := s.TOTP(t.Context(), "per-1"); err != nil || got.Secret != secret {
		t.Errorf("%v", err)
	}
	must(t, s.Close())
}

// A party keeps an admin, however many of them go at once.
func TestLastAdmin(t *testing.T) {
	s := open(t)
	ids := []string{"per-1", "per-2", "per-3", "per-4"}
	for _, id := range ids {
		must(t, s.AddPerson(t.Context(), somebody(id, id+"@acme.example", "admin", "viewer")))
	}
	other := somebody("per-9", "x@beta.example", "admin")
	other.Party = "beta"
	must(t, s.AddPerson(t.Context(), other))
	var mu sync.Mutex
	var all sync.WaitGroup
	refused := 0
	for i, id := range ids {
		all.Go(func() {
			_, err := s.ChangePerson(t.Context(), "acme", id, "", func(p *store.Person) error {
				if i%2 == 0 {
					p.Disabled = true
				} else {
					p.Roles = []string{"viewer"}
				}
				return nil
			})
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, store.ErrLastAdmin) {
				refused++
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if has, err := s.HasAdmin(t.Context(), "acme"); err != nil || !has || refused != 1 {
		t.Errorf("an admin is left: %v, %d refused, %v", has, refused, err)
	}
	if _, err := s.ChangePerson(t.Context(), "beta", "per-1", "", func(*store.Person) error { return nil }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another party's account: %v", err)
	}
}

// Codes, links and flows are used once, however many use them at once.
func TestOnce(t *testing.T) {
	s := open(t)
	now := time.UnixMilli(1000)
	must(t, s.AddPerson(t.Context(), somebody("per-1", "a@acme.example", "admin")))
	must(t, s.SetTOTP(t.Context(), "per-1", "S", 7, [][]byte{{1}}, ""))
	must(t, s.AddInvite(t.Context(), store.Invite{ID: "inv-1", Hash: []byte{1}, Party: "acme", Maker: "acme", Email: "new@acme.example", Name: "N", Roles: []string{"viewer"}, Created: now, Ends: now.Add(time.Hour)}))
	must(t, s.BeginFlow(t.Context(), []byte{1}, now.Add(time.Hour)))
	v, err := s.Invite(t.Context(), []byte{1}, now)
	must(t, err)
	fresh := somebody("per-2", "new@acme.example", "viewer")
	fresh.Created = now
	for name, use := range map[string]func() bool{
		"step":     func() bool { ok, err := s.UseTOTPStep(t.Context(), "per-1", 8); return ok && err == nil },
		"old step": func() bool { ok, err := s.UseTOTPStep(t.Context(), "per-1", 9); return ok && err == nil },
		"recovery": func() bool { ok, err := s.UseRecovery(t.Context(), "per-1", []byte{1}); return ok && err == nil },
		"link":     func() bool { return s.AcceptInvite(t.Context(), v, fresh) == nil },
		"flow":     func() bool { return s.TakeFlow(t.Context(), []byte{1}, now) == nil },
	} {
		var mu sync.Mutex
		var all sync.WaitGroup
		n := 0
		for range 8 {
			all.Go(func() {
				if use() {
					mu.Lock()
					defer mu.Unlock()
					n++
				}
			})
		}
		all.Wait()
		if n > 1 || n == 0 && name != "step" { // step 9 may have been first
			t.Errorf("%s: used %d times", name, n)
		}
	}
	if ok, err := s.UseTOTPStep(t.Context(), "per-1", 7); ok || err != nil {
		t.Errorf("an older step was taken: %v", err)
	}
}

// What ran out is forgotten, and what did not is not.
func TestExpirePeople(t *testing.T) {
	s := open(t)
	at := func(n int64) time.Time { return time.UnixMilli(n) }
	must(t, s.AddPerson(t.Context(), somebody("per-1", "a@acme.example", "admin")))
	for id, v := range map[string]store.Session{"ses-1": {Used: at(500), Ends: at(2000)}, "ses-2": {Used: at(900), Ends: at(1000)}, "ses-3": {Used: at(100), Ends: at(2000)}} {
		v.ID, v.Hash, v.Person, v.Created = id, []byte(id), "per-1", at(1)
		must(t, s.AddSession(t.Context(), v, nil))
	}
	must(t, s.ChangeSignIns(t.Context(), "old", func(store.SignIns) store.SignIns { return store.SignIns{Failures: 3, At: at(10)} }))
	must(t, s.ChangeSignIns(t.Context(), "new", func(store.SignIns) store.SignIns { return store.SignIns{Failures: 3, At: at(100)} }))
	must(t, s.ExpirePeople(t.Context(), at(1000), at(400), at(50)))
	for id, want := range map[string]bool{"ses-1": true, "ses-2": false, "ses-3": false} {
		if _, err := s.Session(t.Context(), []byte(id)); (err == nil) != want {
			t.Errorf("%s: %v", id, err)
		}
	}
	for what, want := range map[string]int{"old": 0, "new": 3} {
		must(t, s.ChangeSignIns(t.Context(), what, func(a store.SignIns) store.SignIns {
			if a.Failures != want {
				t.Errorf("%s: %d", what, a.Failures)
			}
			return a
		}))
	}
	// What was tried stands nowhere in the clear.
	var n int
	must(t, s.read.QueryRowContext(t.Context(), "SELECT count(*) FROM login WHERE key = CAST('new' AS BLOB) OR length(key) <> 32").Scan(&n))
	if n != 0 {
		t.Error("the store names what was tried")
	}
}
