package api

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// readyWait is how long store and enclave have to answer.
const readyWait = 5 * time.Second

// readyFor is how long an answer is given again: who asks more often asks neither.
const readyFor = time.Second

// readiness is what was found of late.
type readiness struct {
	mu sync.Mutex
	at time.Time
	ok bool
}

// health answers while the process does.
func (s *Server) health(*call) (*answer, error) {
	return ok(map[string]bool{"up": true}), nil
}

// isReady answers while the store and the enclave do. Which of them does not is for
// the log: strangers ask.
func (s *Server) isReady(c *call) (*answer, error) {
	r := &s.ready
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); r.at.IsZero() || now.Sub(r.at) > readyFor {
		r.ok, r.at = s.answers(context.WithoutCancel(c.ctx())), time.Now()
	}
	if !r.ok {
		return nil, errNotReady
	}
	return ok(map[string]bool{"ready": true}), nil
}

func (s *Server) answers(ctx context.Context) bool {
	ctx, stop := context.WithTimeout(ctx, readyWait)
	defer stop()
	if err := s.Store.Ping(ctx); err != nil {
		s.Logger.LogAttrs(ctx, slog.LevelWarn, "not ready", slog.String("what", "the control store"), slog.String("error", err.Error()))
		return false
	}
	if _, err := s.Enclave.Room(ctx); err != nil {
		s.Logger.LogAttrs(ctx, slog.LevelWarn, "not ready", slog.String("what", "the enclave"), slog.String("error", err.Error()))
		return false
	}
	return true
}
