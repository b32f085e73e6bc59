package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"awase/api/store"
	"awase/entrustment"
)

const (
	maxStreams    = 8 // of one person, all their tokens together
	heartbeat     = 15 * time.Second
	streamWait    = 10 * time.Second // for who watches to take one event
	streamRetryMS = 2000
)

// hub gives changes of jobs to those who watch them. A stream holds the newest
// row alone: who is slow misses what was in between, and no memory grows.
type hub struct {
	mu      sync.Mutex
	jobs    map[string]map[*stream]bool
	askers  map[string]int
	closed  bool
	closing chan struct{}
}

type stream struct {
	job    string
	asker  string
	newest chan *store.Job // of one place
}

func newHub() *hub {
	return &hub{jobs: map[string]map[*stream]bool{}, askers: map[string]int{}, closing: make(chan struct{})}
}

// watch opens a stream of a job's changes; nil: the asker has too many.
func (h *hub) watch(job, asker string) *stream {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.askers[asker] >= maxStreams {
		return nil
	}
	st := &stream{job, asker, make(chan *store.Job, 1)}
	h.askers[asker]++
	if h.jobs[job] == nil {
		h.jobs[job] = map[*stream]bool{}
	}
	h.jobs[job][st] = true
	return st
}

// leave closes a stream.
func (h *hub) leave(st *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if delete(h.jobs[st.job], st); len(h.jobs[st.job]) == 0 {
		delete(h.jobs, st.job)
	}
	if h.askers[st.asker]--; h.askers[st.asker] <= 0 {
		delete(h.askers, st.asker)
	}
}

// watched tells whether anybody watches a job.
func (h *hub) watched(job string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.jobs[job]) > 0
}

// publish gives a job's row to who watches it: a copy, for the attempt goes on
// with its own.
func (h *hub) publish(row *store.Job) {
	of := *row
	j := &of
	h.mu.Lock()
	defer h.mu.Unlock()
	for st := range h.jobs[j.ID] {
		select {
		case was := <-st.newest:
			if was.Version > j.Version { // two attempts to show crossed
				st.newest <- was
				continue
			}
		default:
		}
		st.newest <- j
	}
}

// close ends all streams, of now and later.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		close(h.closing)
	}
}

// watchJob streams a job as it changes, as server-sent events whose id is the
// row's version: who comes again with Last-Event-ID gets what they have not seen.
// It ends with the job; asked again after that, it is 204, at which a browser does
// not ask again.
func (s *Server) watchJob(c *call) (*answer, error) {
	id := c.param("job")
	if _, err := s.Store.Job(c.ctx(), c.who.Party, id); err != nil {
		return nil, err
	}
	// Who watches before reading misses no change in between.
	st := s.hub.watch(id, c.who.Person)
	if st == nil {
		return nil, &retryError{&entrustment.Error{Code: entrustment.CodeRate, Field: "request", Detail: fmt.Sprintf("you watch %d jobs already", maxStreams), Mend: "close one, or ask for the job itself (GET /v1/jobs/{job})"}, 5}
	}
	j, err := s.Store.Job(c.ctx(), c.who.Party, id)
	if err != nil {
		s.hub.leave(st)
		return nil, err
	}
	seen, err := strconv.ParseInt(c.Header.Get("Last-Event-ID"), 10, 64)
	if err != nil {
		seen = 0 // none, or one that was not of here: everything is new
	}
	if j.State.Ended() && seen == j.Version {
		s.hub.leave(st)
		return noContent(), nil
	}
	return &answer{status: http.StatusOK, header: http.Header{"Content-Type": {"text/event-stream"}},
		stream: func(ctx context.Context, w io.Writer) error {
			defer s.hub.leave(st)
			return s.streamJob(ctx, w, st, j, seen)
		}}, nil
}

// streamJob writes events until the job is over, or who watches is gone.
func (s *Server) streamJob(ctx context.Context, w io.Writer, st *stream, j *store.Job, seen int64) error {
	send := func(format string, args ...any) error {
		if rw, ok := w.(http.ResponseWriter); ok {
			control := http.NewResponseController(rw)
			_ = control.SetWriteDeadline(time.Now().Add(streamWait))
			defer func() { _ = control.Flush() }()
		}
		_, err := fmt.Fprintf(w, format, args...)
		return err
	}
	if err := send("retry: %d\n\n", streamRetryMS); err != nil {
		return err
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		if j != nil && j.Version > seen {
			raw, err := json.Marshal(viewJob(j))
			if err != nil {
				return err
			}
			if err := send("id: %d\nevent: job\ndata: %s\n\n", j.Version, raw); err != nil {
				return err
			}
			seen = j.Version
		}
		if j != nil && j.State.Ended() {
			return nil
		}
		j = nil
		select {
		case j = <-st.newest:
		case <-beat.C:
			if err := send(": it goes on\n\n"); err != nil {
				return err
			}
		case <-s.hub.closing:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}
