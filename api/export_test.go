package api

import (
	"context"
	"errors"
	"time"

	"awase/api/store"
)

// What the jobs do with uploads, for tests.

func (s *Server) ExpireUploads(ctx context.Context) error {
	o, err := s.expireUploads(ctx, &store.Job{})
	if err == nil && o.again > 0 {
		err = errors.New("it did not come to its end")
	}
	return err
}

func (s *Server) WholeUpload(ctx context.Context, party, id string) error {
	_, err := s.wholeUpload(ctx, party, id)
	return err
}

func (s *Server) LoadedUpload(ctx context.Context, id string) error { return s.loadedUpload(ctx, id) }

// NewID makes an id.
func NewID(prefix string) string { return newID(prefix) }

// Controls that the tests of this package take out.
const (
	ControlParty    = controlParty
	ControlAsk      = controlAsk
	ControlKeys     = controlKeys
	ControlLength   = controlLength
	ControlTime     = controlTime
	ControlOnce     = controlOnce
	ControlPath     = controlPath
	ControlSize     = controlSize
	ControlRead     = controlRead
	ControlTogether = controlTogether
	ControlAway     = controlAway
	ControlJobs     = controlJobs
	ControlShare    = controlShare
	ControlState    = controlState
	ControlNonce    = controlNonce
	ControlReceiver = controlReceiver
	ControlPractice = controlPractice
	ControlFile     = controlFile
)

// Without takes controls out.
func Without(cs ...control) func(*Options) {
	return func(o *Options) {
		o.without = map[control]bool{}
		for _, c := range cs {
			o.without[c] = true
		}
	}
}

// DecodeStrict reads one JSON value as a body is read.
func DecodeStrict(raw []byte, v any) error { return decodeStrict(raw, v, true) }

// CronTimes gives the first times of a schedule after a moment.
func CronTimes(text string, after time.Time, n int) (out []time.Time, err error) {
	t, err := parseCron(text, after)
	for range n {
		if err == nil {
			after = t.Next(after)
			out = append(out, after)
		}
	}
	return out, err
}

// Layouts takes every place at which files are laid out, until done.
func (s *Server) Layouts() (done func()) {
	for range cap(s.layouts) {
		s.layouts <- struct{}{}
	}
	return func() {
		for range cap(s.layouts) {
			<-s.layouts
		}
	}
}

// ClauseAccess names what refuses who lacks a role, a scope or a session.
const ClauseAccess = clauseAccess
