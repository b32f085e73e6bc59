package control

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"awase/api/store"
	"awase/entrustment"
)

// AddSchedule keeps a new schedule; store.ErrConflict where the party has one of
// that name.
func (s *Store) AddSchedule(ctx context.Context, v *store.Schedule) error {
	formats, err := json.Marshal(v.Formats)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, "schedule_add", v.ID, v.Party, v.Person, v.Name, v.Entrustment, string(v.Question), v.Days, v.Cron, string(formats), millis(v.Next), millis(v.Created))
	return conflict(err)
}

// Schedule gives a schedule of a party, or of any (store.AnyParty).
func (s *Store) Schedule(ctx context.Context, party, id string) (*store.Schedule, error) {
	return one(ctx, s, s.read, "schedule_get", scanSchedule, id, party)
}

// Schedules gives schedules of a party, newest first, one more than the page takes.
func (s *Store) Schedules(ctx context.Context, party string, p store.Page) ([]*store.Schedule, error) {
	return all(ctx, s, s.read, "schedule_list", scanSchedule, party, p.After, p.Limit+1)
}

// CountSchedules tells how many schedules a party has.
func (s *Store) CountSchedules(ctx context.Context, party string) (int, error) {
	return one(ctx, s, s.read, "schedule_count", func(r row) (n int, err error) { return n, r.Scan(&n) }, party)
}

// DueSchedules gives schedules of all parties that fall due.
func (s *Store) DueSchedules(ctx context.Context, now time.Time) ([]*store.Schedule, error) {
	return all(ctx, s, s.read, "schedule_due", scanSchedule, millis(now))
}

// RunSchedule makes a run of a schedule a job and sets the schedule's next time:
// both, or neither. A run that is a job already is none again.
func (s *Store) RunSchedule(ctx context.Context, v *store.Schedule, j *store.Job, slot, next time.Time) error {
	err := s.within(ctx, "running a schedule", func(tx *sql.Tx) error {
		n, err := s.execIn(ctx, tx, "schedule_ran", v.ID, millis(next), millis(slot), j.ID, millis(v.Next))
		if err != nil {
			return err
		}
		if n == 0 { // it was changed in between
			return store.ErrConflict
		}
		return s.addJob(ctx, tx, j)
	})
	if errors.Is(err, store.ErrConflict) {
		return store.ErrConflict
	}
	return err
}

// ChangeSchedule changes a schedule; store.ErrConflict where it is not any more of
// the version that v says, or another has its name.
func (s *Store) ChangeSchedule(ctx context.Context, v *store.Schedule) error {
	formats, err := json.Marshal(v.Formats)
	if err != nil {
		return err
	}
	reason, err := reasonText(v.Reason)
	if err != nil {
		return err
	}
	n, err := s.exec(ctx, "schedule_change", v.ID, v.Party, v.Name, string(v.Question), v.Days, v.Cron, string(formats), string(v.State), reason, millis(v.Next), v.Version)
	if err == nil && n == 0 {
		err = store.ErrConflict
	}
	return conflict(err)
}

// PauseSchedule pauses a schedule whose run was refused.
func (s *Store) PauseSchedule(ctx context.Context, id string, why *entrustment.Error) error {
	reason, err := reasonText(why)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, "schedule_pause", id, reason)
	return err
}

// DropSchedule takes a schedule of a party away.
func (s *Store) DropSchedule(ctx context.Context, party, id string) error {
	n, err := s.exec(ctx, "schedule_drop", id, party)
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	return err
}

// reasonText gives a refusal as it is kept; "" for none.
func reasonText(e *entrustment.Error) (string, error) {
	if e == nil {
		return "", nil
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("control store, writing a refusal: %w", err)
	}
	return string(raw), nil
}

// readReason reads what reasonText gave.
func readReason(text string) (*entrustment.Error, error) {
	if text == "" {
		return nil, nil
	}
	e := &entrustment.Error{}
	if err := json.Unmarshal([]byte(text), e); err != nil {
		return nil, fmt.Errorf("reading a refusal: %w", err)
	}
	return e, nil
}

func scanSchedule(r row) (*store.Schedule, error) {
	var v store.Schedule
	var question, formats, reason string
	var next, last, created int64
	err := r.Scan(&v.ID, &v.Party, &v.Person, &v.Name, &v.Entrustment, &question, &v.Days, &v.Cron, &formats, &v.State, &reason, &next, &last, &v.Job, &v.Version, &created)
	if err != nil {
		return nil, err
	}
	v.Question = json.RawMessage(question)
	if err := json.Unmarshal([]byte(formats), &v.Formats); err != nil {
		return nil, fmt.Errorf("reading a schedule's formats: %w", err)
	}
	v.Reason, err = readReason(reason)
	v.Next, v.Last, v.Created = fromMillis(next), fromMillis(last), fromMillis(created)
	return &v, err
}
