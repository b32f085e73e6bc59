package control

import (
	"fmt"
	"testing"
	"time"

	"awase/api/store"
)

// BenchmarkToken is what every request of a program asks the store first.
func BenchmarkToken(b *testing.B) {
	s, err := Open(b.Context(), b.TempDir()+"/control.db")
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	now := time.Now()
	if err := s.AddPerson(b.Context(), store.Person{ID: "per-1", Party: "acme", Email: "a@example.com", Roles: []string{"marketing"}, Created: now}); err != nil {
		b.Fatal(err)
	}
	for i := range 200 {
		if err := s.AddToken(b.Context(), store.Token{Hash: fmt.Appendf(nil, "%032d", i), ID: fmt.Sprint("tok-", i), Person: "per-1", Party: "acme", Created: now, Ends: now.Add(time.Hour)}); err != nil {
			b.Fatal(err)
		}
	}
	hash := fmt.Appendf(nil, "%032d", 100)
	for b.Loop() {
		if _, err := s.Token(b.Context(), hash); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCall is what an Idempotency-Key costs: two commits.
func BenchmarkCall(b *testing.B) {
	s, err := Open(b.Context(), b.TempDir()+"/control.db")
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for i := 0; b.Loop(); i++ {
		c := store.Call{Person: "per-1", Key: fmt.Sprint(i), Request: make([]byte, 32), At: time.Now()}
		if _, _, err := s.BeginCall(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		c.Status, c.Header, c.Body = 202, "{}", []byte("{}")
		if err := s.EndCall(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
}
