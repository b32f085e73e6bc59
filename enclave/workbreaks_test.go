package enclave

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"awase/aggregator"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/matcher"
)

// brokenBook is a log that can't be written while it is broken.
type brokenBook struct {
	aggregator.Book
	broken *bool
}

var errDisk = errors.New("the disk is gone, at /secret/place")

func (b brokenBook) Charge(ctx context.Context, c []aggregator.Charge) (time.Time, error) {
	if *b.broken {
		return time.Time{}, errDisk
	}
	return b.Book.Charge(ctx, c)
}

// panics is an engine with a fault.
type panics struct {
	matcher.Engine
	on *bool
}

func (p panics) Cells(ctx context.Context, q matcher.Query) (matcher.Exact, error) {
	if *p.on {
		panic("taro@example.jp")
	}
	return p.Engine.Cells(ctx, q)
}

// TestWorkBreaks: a fault of the machine's, and one of ours, break a job and tell
// nothing of themselves; started again it is done.
func TestWorkBreaks(t *testing.T) {
	t.Parallel()
	var logged safeBuffer
	broken, panicking := false, false
	r := newWorkRoom(t, Options{Logger: slog.New(slog.NewTextHandler(&logged, nil)),
		book:   func(b aggregator.Book) aggregator.Book { return brokenBook{b, &broken} },
		counts: func(e matcher.Engine) matcher.Engine { return panics{e, &panicking} }})
	r.put("file", sealedList(t, r.Enclave, 1500))
	outcome(t, r.Enclave, listJob("l"))
	for what, fault := range map[string]*bool{"panic": &panicking, "disk": &broken} {
		*fault = true
		req := reportJob(what, question(func(q *entrustment.Question) { q.Sigma = map[string]int{"panic": 20, "disk": 50}[what] }))
		s := outcome(t, r.Enclave, req)
		raw, err := json.Marshal(s.Refusal)
		if err != nil || s.Status != wire.WorkBroken || s.Refusal.Code != entrustment.CodeInternal || strings.Contains(string(raw), "secret") || s.Refusal.Detail != "internal error" {
			t.Errorf("%s: %+v, %s", what, s, raw)
		}
		*fault = false
		if s := outcome(t, r.Enclave, req); s.Status != wire.WorkDone {
			t.Errorf("%s, again: %+v", what, s)
		}
	}
	if strings.Contains(logged.String(), "taro") {
		t.Error("the log has a panic's text")
	}
	if !strings.Contains(logged.String(), "the disk is gone") {
		t.Error("the log does not say what broke")
	}
}
