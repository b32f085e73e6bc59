package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"awase/api/store"
	"awase/entrustment"
)

// Asked is a question that a room to rehearse in begins with: a report of it is
// there without anybody having asked.
type Asked struct {
	Party    string
	Email    string // of who is said to ask; "": nobody
	Question *entrustment.Question
}

// AskOnce makes a job of each question, once however often it is called: what a
// start that was cut short left out, the next one asks. They are done by Server.Run.
func AskOnce(ctx context.Context, s Store, asked []Asked) error {
	for _, a := range asked {
		raw, err := json.Marshal(a.Question)
		if err != nil {
			return err
		}
		j := &store.Job{ID: newID("job"), Party: a.Party, Kind: kindReport, State: store.JobWaits, Once: "practice/" + a.Party + "/" + etag(raw), Created: time.Now().UTC().Truncate(time.Millisecond)}
		if a.Question.Report == entrustment.ReportCube {
			j.Kind = kindCube
		}
		if j.Subject, err = json.Marshal(reportSubject{Question: raw}); err != nil {
			return err
		}
		if a.Email != "" {
			p, err := s.PersonByEmail(ctx, a.Email)
			if err != nil && !errors.Is(err, store.ErrNotFound) { // who left asks nothing
				return fmt.Errorf("finding who asks: %w", err)
			}
			j.Person = p.ID
		}
		if err := s.AddJob(ctx, j); err != nil && !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("asking the first questions: %w", err)
		}
	}
	return nil
}
