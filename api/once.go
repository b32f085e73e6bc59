package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"awase/api/store"
	"awase/entrustment"
)

// CallStore keeps the answers to POSTs sent with an Idempotency-Key.
type CallStore interface {
	BeginCall(ctx context.Context, c store.Call) (taken bool, was store.Call, err error)
	EndCall(ctx context.Context, c store.Call) error
	DropCall(ctx context.Context, person, key string) error
	ExpireCalls(ctx context.Context, before time.Time) error
	FreeCalls(ctx context.Context, before time.Time) error
}

const maxKey = 128

// kept are the headers of an answer that are given again with it.
var kept = []string{"Content-Type", "Location", "ETag"}

// once answers a request; one with an Idempotency-Key once: sent again, it gets
// the answer that it got (draft-ietf-httpapi-idempotency-key-header), for a day.
// The same key with another request is refused. A fault of ours is not kept, nor
// what passes by itself. Of a service that was killed between what a request did
// and its answer, Run frees the key.
func (s *Server) once(c *call, e endpoint) (*answer, error) {
	key := c.Header.Get("Idempotency-Key")
	if key == "" || c.Method != http.MethodPost || c.who == nil || s.access[e.op].Secret || s.access[e.op].Fresh {
		return e.handle(c)
	}
	if len(key) > maxKey || !printable(key) {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "Idempotency-Key", Detail: "it is not 1 to 128 printable ASCII characters", Mend: "a UUID does"}
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n", c.Method, c.URL.RequestURI(), c.Header.Get("Content-Type"))
	h.Write(c.raw)
	mine := store.Call{Person: c.who.key(), Key: key, Request: h.Sum(nil), At: s.Now()}
	// What was begun is ended whatever becomes of who asked: a statement that is
	// broken off may have been done, and then the key would be taken for a day with
	// nothing under it, or the request be done again under the same key.
	ctx := c.ctx()
	if s.holds(controlAway) {
		ctx = context.WithoutCancel(ctx)
		c.Request = c.Request.WithContext(ctx)
	}
	taken, was, err := s.Store.BeginCall(ctx, mine)
	if err != nil {
		return nil, err
	}
	if !taken {
		return s.again(mine, was)
	}
	done := false
	defer func() {
		if !done {
			if err := s.Store.DropCall(ctx, mine.Person, mine.Key); err != nil {
				s.Logger.ErrorContext(ctx, "an idempotency key stays taken", "request", c.id)
			}
		}
	}()
	a, err := e.handle(c)
	if err != nil {
		if refusal := entrustment.Public(settled(err)); refusal.Code == entrustment.CodeInternal || refusal.Code == entrustment.CodeRate || refusal.Code == CodeAway || refusal.Code == entrustment.CodeEngine {
			return nil, err
		}
		a = problemAnswer(err, c.id)
	}
	mine.Status = a.status
	if a.secret {
		mine.Status = shownOnce
	} else if mine.Body = a.raw; mine.Body == nil && a.value != nil {
		if mine.Body, err = marshal(a.value); err != nil {
			return nil, err
		}
	}
	header := map[string]string{}
	for _, k := range kept {
		if v := a.header.Get(k); v != "" {
			header[k] = v
		}
	}
	raw, merr := json.Marshal(header)
	if merr != nil {
		return nil, merr
	}
	mine.Header = string(raw)
	if eerr := s.Store.EndCall(ctx, mine); eerr != nil {
		return nil, eerr
	}
	done = true
	return a, nil
}

// shownOnce stands for the status of an answer that held a secret.
const shownOnce = -1

// again gives the answer that stands under a key.
func (s *Server) again(mine, was store.Call) (*answer, error) {
	conflict := func(detail, mend string) error {
		return &entrustment.Error{Code: CodeConflict, Field: "Idempotency-Key", Detail: detail, Mend: mend}
	}
	switch {
	case s.holds(controlOnce) && subtle.ConstantTimeCompare(mine.Request, was.Request) == 0:
		return nil, &withStatus{&entrustment.Error{Code: CodeConflict, Field: "Idempotency-Key", Detail: "another request was sent with this key", Mend: "use a key for one request alone"}, http.StatusUnprocessableEntity}
	case was.Status == 0:
		return nil, conflict("the request of this key is being answered", "send it again in a moment")
	case was.Status == shownOnce:
		return nil, conflict("it was answered, with a secret that is shown once", "revoke what it made, and make another with a new key")
	}
	a := &answer{status: was.Status, raw: was.Body, header: http.Header{"Idempotent-Replayed": {"true"}}}
	header := map[string]string{}
	if err := json.Unmarshal([]byte(was.Header), &header); err != nil {
		return nil, fmt.Errorf("reading a kept answer: %w", err)
	}
	for k, v := range header {
		a.header.Set(k, v)
	}
	if a.raw != nil && a.header.Get("Content-Type") == "" {
		a.header.Set("Content-Type", "application/json")
	}
	return a, nil
}

func printable(s string) bool {
	for _, r := range s {
		if r < '!' || r > '~' {
			return false
		}
	}
	return true
}
