package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"awase/api/client"
	"awase/enclave/wire"
	"awase/entrustment"
)

// hostile answers as answer says, and gives a client of it.
func hostile(t *testing.T, answer http.HandlerFunc) *client.Room {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	c, err := client.New(s.URL, client.Options{Token: "awase_secret", Patience: time.Millisecond, Pause: time.Millisecond, JobWait: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c.Room(t.TempDir(), nil)
}

// Whatever answers at the address, what a person is told is a refusal with a mend,
// on lines that hold no more than letters, and never the token.
func TestHostileAnswers(t *testing.T) {
	html := "<!doctype html><title>Sign in</title>\x1b[2J"
	rows := []struct {
		name   string
		answer http.HandlerFunc
		says   string
	}{
		{"a page of a proxy", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, html)
		}, "not what a room answers"},
		{"a page of a proxy that refuses", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, html)
		}, "403 Forbidden"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
		}, "302 Found"},
		{"nothing", func(http.ResponseWriter, *http.Request) {}, "not what a room answers"},
		{"an answer without end", func(w http.ResponseWriter, _ *http.Request) {
			chunk := bytes.Repeat([]byte("["), 1<<20)
			for range 64 {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}, "longer than any"},
		{"a list without end", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"items": [%s{}], "next": "again"}`, strings.Repeat("{},", 50_000))
		}, "no end"},
		{"a refusal that paints", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.Header().Set("X-Request-Id", "req")
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, `{"code": "E_SPEC", "field": "\u001b[31m", "detail": "\u202egood\u0007", "mend": "\u001b]0;title\u0007"}`)
		}, "E_SPEC"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := hostile(t, row.answer)
			_, err := r.Contracts(t.Context())
			refusal, ok := errors.AsType[*entrustment.Error](err)
			if !ok || refusal.Mend == "" {
				t.Fatalf("%v", err)
			}
			if text := err.Error(); !strings.Contains(text, row.says) || strings.ContainsAny(text, "\x1b\x07\u202e<") || strings.Contains(text, "awase_secret") {
				t.Errorf("%q", text)
			}
		})
	}
}

// Documents that are kept as they are have to be JSON, too.
func TestHostileDocuments(t *testing.T) {
	r := hostile(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
	for name, ask := range map[string]func() ([]byte, error){
		"certificate": func() ([]byte, error) { return r.Certificate(t.Context(), "e") },
		"request":     func() ([]byte, error) { return r.RequestReceipt(t.Context(), 1) },
		"disclosure":  func() ([]byte, error) { return r.Disclosure(t.Context(), 1) },
		"proof":       func() ([]byte, error) { return r.LogProof(t.Context(), 1, 0) },
		"inclusion":   func() ([]byte, error) { return r.Inclusion(t.Context(), 1) },
		"attestation": func() ([]byte, error) { return r.Attestation(t.Context(), "n") },
		"report":      func() ([]byte, error) { return r.Released(t.Context(), "rep-1") },
	} {
		if raw, err := ask(); err == nil {
			t.Errorf("%s: %q was taken", name, raw)
		}
	}
}

// A job that gets no further, or says what no job says, is given up with the way to
// look at it; one that gets further is waited for.
func TestHostileJobs(t *testing.T) {
	for name, row := range map[string]struct{ state, says string }{
		"without end": {"running", "awase jobs"},
		"of no state": {"dreaming", "what no room says"},
		"canceled":    {"canceled", "cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			r := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = fmt.Fprintf(w, `{"id": "job-1", "kind": "report", "state": %q}`, row.state)
			})
			if err := r.Follow(t.Context(), "job-1", nil, nil); err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("%v", err)
			}
		})
	}
	var asked atomic.Int64
	r := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
		n := asked.Add(1)
		if n < 5 { // each question comes later than the wait that nothing is waited for
			_, _ = fmt.Fprintf(w, `{"state": "running", "progress": {"read": %d, "of": 9}}`, n)
			return
		}
		_, _ = io.WriteString(w, `{"state": "done"}`)
	})
	if err := r.Follow(t.Context(), "job-1", nil, nil); err != nil || asked.Load() != 5 {
		t.Errorf("%v after %d questions", err, asked.Load())
	}
}

// A sealed file on its way lies where nobody else may read, and is gone however the
// command ends.
func TestSpoolIsRemoved(t *testing.T) {
	var seen atomic.Int64
	spool := t.TempDir()
	look := func() {
		dirs, err := os.ReadDir(spool)
		if err != nil || len(dirs) != 1 {
			return
		}
		if st, err := dirs[0].Info(); err == nil && st.Mode().Perm() == 0o700 {
			seen.Add(1)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		look()
		if r.Method == http.MethodPost {
			w.Header().Set("Location", "/v1/uploads/upl-1")
			w.WriteHeader(http.StatusCreated)
			return
		}
		stop() // as Ctrl-C in the middle of sending
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer s.Close()
	c, err := client.New(s.URL, client.Options{Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Room(spool, nil).LoadList(ctx, wire.ListRequest{Entrustment: "e", Name: "l"}, strings.NewReader("sealed"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if seen.Load() == 0 {
		t.Error("the spool was seen nowhere: this test tests nothing")
	}
	if left, err := os.ReadDir(spool); err != nil || len(left) != 0 {
		t.Errorf("%d left, %v", len(left), err)
	}
	broken := errors.New("row 3 can't be read")
	if _, err := c.Room(spool, nil).LoadList(t.Context(), wire.ListRequest{Entrustment: "e", Name: "l"}, io.MultiReader(strings.NewReader("x"), fails{broken})); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if left, err := os.ReadDir(spool); err != nil || len(left) != 0 {
		t.Errorf("%d left, %v", len(left), err)
	}
}

type fails struct{ err error }

func (f fails) Read([]byte) (int, error) { return 0, f.err }
