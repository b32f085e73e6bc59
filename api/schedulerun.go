package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"awase/api/store"
	"awase/enclave/wire"
	"awase/entrustment"
)

// cronTimes are the times of a schedule, in Japan's time, which knows no summer.
type cronTimes struct{ cron.Schedule }

const minGap = time.Hour // between two runs: data changes daily at most

// parseCron reads five fields: minute, hour, day, month, day of the week.
func parseCron(text string, now time.Time) (cronTimes, error) {
	refused := func(code entrustment.Code, detail, mend string) (cronTimes, error) {
		return cronTimes{}, &entrustment.Error{Code: code, Field: "cron", Detail: detail, Mend: mend}
	}
	const mend = `five fields in Japan's time, minute hour day month weekday: "0 9 * * 1" is Mondays at nine`
	// A zone of its own, which the parser would take, is none of the five fields.
	if len(text) > 100 || strings.ContainsAny(text, "=@") {
		return refused(entrustment.CodeSpec, "it is not five fields of cron", mend)
	}
	s, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(text)
	spec, ok := s.(*cron.SpecSchedule)
	if err != nil || !ok {
		return refused(entrustment.CodeSpec, "it is not five fields of cron", mend)
	}
	spec.Location = entrustment.JST
	t := cronTimes{spec}
	at := t.Next(now)
	if at.IsZero() {
		return refused(entrustment.CodeSpec, "there is no such day", mend)
	}
	for range 64 { // more than a day's hours, and a week's days
		next := t.Next(at)
		if next.IsZero() {
			break
		}
		if next.Sub(at) < minGap {
			return refused(entrustment.CodeLimit, "it falls due more often than once an hour", "once a day is as often as most data changes")
		}
		at = next
	}
	return t, nil
}

// Next gives the first time after one.
func (t cronTimes) Next(after time.Time) time.Time {
	next := t.Schedule.Next(after.In(entrustment.JST))
	if next.IsZero() {
		return time.Time{}
	}
	return next.UTC()
}

// count tells how many times fall after one moment and not after another.
func (t cronTimes) count(after, until time.Time) (n int) {
	for at := t.Next(after); !at.IsZero() && !at.After(until); at = t.Next(at) {
		n++
	}
	return n
}

// newest gives the last time that is not after now, of those from a first one
// that is not. However many were missed, that is the one that is made up for.
func (t cronTimes) newest(first, now time.Time) time.Time {
	for {
		next := t.Next(first)
		if next.IsZero() || next.After(now) {
			return first
		}
		first = next
	}
}

// look makes jobs of what falls due, until ctx ends.
func (s *Server) look(ctx context.Context) {
	tick := time.NewTicker(s.Jobs.Look)
	defer tick.Stop()
	for {
		if err := s.due(ctx); err != nil && ctx.Err() == nil {
			s.Logger.LogAttrs(ctx, slog.LevelError, "looking for what falls due", slog.String("error", err.Error()))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// due makes jobs of the schedules that fall due, and of the hour's expiry.
func (s *Server) due(ctx context.Context) error {
	now := s.Now().UTC()
	due, err := s.Store.DueSchedules(ctx, now)
	if err != nil {
		return err
	}
	var errs []error
	for _, v := range due {
		// One that can't be run holds up no other party's, nor the expiry.
		errs = append(errs, s.fallsDue(ctx, v, now))
	}
	err = s.Store.AddJob(ctx, &store.Job{ID: newID("job"), Kind: kindExpire, Subject: json.RawMessage("{}"), Once: kindExpire + "/" + now.Format("2006-01-02T15"), State: store.JobWaits, Created: now})
	if errors.Is(err, store.ErrConflict) {
		err = nil // it is there
	}
	return errors.Join(append(errs, err)...)
}

// scheduleSubject is what a run of a schedule is to ask: the schedule's question
// as it was when it fell due, with the window of that time, so that a run is the
// same question however often it is begun.
type scheduleSubject struct {
	reportSubject
	Due time.Time `json:"due"`
}

// fallsDue makes a run of a schedule a job.
func (s *Server) fallsDue(ctx context.Context, v *store.Schedule, now time.Time) error {
	times, err := parseCron(v.Cron, now)
	if err != nil {
		return s.Store.PauseSchedule(ctx, v.ID, entrustment.Public(err))
	}
	q, err := entrustment.ParseQuestion("question", v.Question)
	if err != nil { // a program before this one took it
		return s.Store.PauseSchedule(ctx, v.ID, entrustment.Public(err))
	}
	slot := times.newest(v.Next, now)
	question, err := json.Marshal(windowed(q, v.Days, slot))
	if err != nil {
		return err
	}
	subject, err := json.Marshal(scheduleSubject{reportSubject{Question: question, Schedule: v.ID}, slot})
	if err != nil {
		return err
	}
	j := &store.Job{ID: newID("job"), Party: v.Party, Kind: kindSchedule, Subject: subject, State: store.JobWaits, Created: now}
	err = s.Store.RunSchedule(ctx, v, j, slot, times.Next(now))
	if errors.Is(err, store.ErrConflict) {
		return nil // somebody changed it: the next look sees it as it is
	}
	return err
}

// scheduled is a job that runs a schedule once. A refusal that the next run would
// meet too pauses the schedule.
func (s *Server) scheduled(ctx context.Context, j *store.Job) (outcome, error) {
	var sub scheduleSubject
	if err := json.Unmarshal(j.Subject, &sub); err != nil {
		return outcome{}, err
	}
	v, err := s.Store.Schedule(ctx, store.AnyParty, sub.Schedule)
	if errors.Is(err, store.ErrNotFound) {
		return outcome{}, errStopped // it was taken away
	} else if err != nil {
		return outcome{}, err
	}
	st, done, err := s.ask(ctx, j, sub.Question, wire.WorkRequest{Kind: wire.WorkReport, Question: sub.Question})
	if err != nil {
		return outcome{}, s.pauses(ctx, j, v, err)
	}
	if !done {
		return goesOn, nil
	}
	return s.keep(ctx, j, st.Release, v)
}

// pauses pauses a schedule whose run was refused for what does not pass by itself.
func (s *Server) pauses(ctx context.Context, j *store.Job, v *store.Schedule, err error) error {
	why := entrustment.Public(err)
	switch why.Code {
	case entrustment.CodeInternal, entrustment.CodeRate, entrustment.CodeClock, entrustment.CodeFrozen:
		return err
	}
	if _, away := errors.AsType[*wire.Away](err); away {
		return err
	}
	if err := s.tellOnce(ctx, v.Party, store.EventSchedulePaused, j.ID, v.ID, struct {
		Code entrustment.Code `json:"code"`
		Name string           `json:"name"`
	}{why.Code, v.Name}); err != nil {
		return err
	}
	if err := s.Store.PauseSchedule(ctx, v.ID, why); err != nil {
		return err
	}
	return why
}

// keptJobs is how long jobs that ended are shown.
const (
	keptJobs  = 90 * 24 * time.Hour
	keptCalls = 24 * time.Hour
)

// expire is the job that forgets what is kept no longer.
func (s *Server) expire(ctx context.Context, j *store.Job) (outcome, error) {
	now := s.Now().UTC()
	for _, do := range []func() error{
		func() error { return s.Store.ExpireCalls(ctx, now.Add(-keptCalls)) },
		func() error { return s.Store.ExpireJobs(ctx, now.Add(-keptJobs)) },
		func() error { return s.expireReports(ctx) },
		func() error { return s.Store.ExpireReviews(ctx, now.Add(-keptReviews)) },
		func() error { return s.sweepReports(ctx) },
		func() error { return s.expireEvents(ctx) },
		func() error { return s.sweep(ctx, now) },
	} {
		if err := do(); err != nil {
			return outcome{}, err
		}
	}
	return s.expireUploads(ctx, j)
}
