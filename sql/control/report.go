package control

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"awase/api/store"
	"awase/entrustment"
)

// AddReport keeps a released table, once for its recipient: the row that stands
// is given, r or the one that was there.
func (s *Store) AddReport(ctx context.Context, r *store.Report) (*store.Report, error) {
	if _, err := s.exec(ctx, "report_add", r.ID, r.Party, r.Entrustment, r.Version, r.Kind, r.List, r.ListVersion, string(r.Question), r.Digest, r.AskedBy, r.Person,
		r.Job, r.Schedule, millis(r.Created), millis(r.Released), millis(r.Until)); err != nil {
		return nil, err
	}
	return one(ctx, s, s.write, "report_same", scanReport, r.Party, r.Digest)
}

// Report gives a report of a party.
func (s *Store) Report(ctx context.Context, party, id string) (*store.Report, error) {
	return one(ctx, s, s.read, "report_get", scanReport, id, party)
}

// Reports gives reports of a party, newest first, one more than the page takes.
func (s *Store) Reports(ctx context.Context, party string, f store.ReportFilter, p store.Page) ([]*store.Report, error) {
	return all(ctx, s, s.read, "report_list", scanReport, party, f.Entrustment, f.Kind, f.Schedule, p.After, p.Limit+1, f.ID)
}

// ExpireReports forgets reports that their contract keeps no longer. Their files
// are then of no report. What an amendment changed of an entrustment's days holds for
// the reports that are there.
func (s *Store) ExpireReports(ctx context.Context, now time.Time, days map[string]entrustment.Days) error {
	return s.within(ctx, "expiring reports", func(tx *sql.Tx) error {
		for id, n := range days {
			if _, err := s.execIn(ctx, tx, "report_keep", (time.Duration(n) * 24 * time.Hour).Milliseconds(), id); err != nil {
				return err
			}
		}
		_, err := s.execIn(ctx, tx, "report_expire", millis(now))
		return err
	})
}

// ReportFiles gives of all reports the names of their files, and what decides whether
// these are kept: entrustment and release.
func (s *Store) ReportFiles(ctx context.Context) ([]*store.Report, error) {
	return all(ctx, s, s.write, "report_files", func(r row) (*store.Report, error) {
		var v store.Report
		var released int64
		err := r.Scan(&v.Digest, &v.Entrustment, &released)
		v.Released = fromMillis(released)
		return &v, err
	})
}

func scanReport(r row) (*store.Report, error) {
	var v store.Report
	var question string
	var created, released, until int64
	err := r.Scan(&v.ID, &v.Party, &v.Entrustment, &v.Version, &v.Kind, &v.List, &v.ListVersion, &question, &v.Digest, &v.AskedBy, &v.Person,
		&v.Job, &v.Schedule, &created, &released, &until)
	v.Question = json.RawMessage(question)
	v.Created, v.Released, v.Until = fromMillis(created), fromMillis(released), fromMillis(until)
	return &v, err
}
