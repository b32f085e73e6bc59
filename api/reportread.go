package api

import (
	"context"
	"errors"
	"time"

	"awase/api/store"
	"awase/enclave/wire"
	"awase/entrustment"
)

// Released tables lie beside the service, and the room decides whether they are given
// out: at each reading, by its state of that moment. While releases are stopped none
// is, and none of an entrustment that ended, or that its contract keeps no longer.

// standing is the room as one answer asks it.
type standing struct {
	s         *Server
	room      wire.Room
	now       time.Time
	contracts map[string]*wire.EntrustmentInfo
}

func (s *Server) standing(ctx context.Context) (*standing, error) {
	room, err := s.Enclave.Room(ctx)
	if err != nil {
		return nil, err
	}
	now, err := time.Parse(time.RFC3339, room.Now)
	if err != nil {
		return nil, err
	}
	return &standing{s, room, now, map[string]*wire.EntrustmentInfo{}}, nil
}

func (st *standing) contract(ctx context.Context, id string) (*wire.EntrustmentInfo, error) {
	if in := st.contracts[id]; in != nil {
		return in, nil
	}
	in, err := st.s.Enclave.Entrustment(ctx, id)
	if err == nil && len(in.Versions) == 0 {
		err = errors.New("an entrustment without a contract")
	}
	if err != nil {
		return nil, err
	}
	st.contracts[id] = &in
	return &in, nil
}

// gone gives why a report is not there any more, nil where it is. The clock is the
// room's: while a jump of the machine's waits to be accepted, nothing expires.
func (st *standing) gone(ctx context.Context, r *store.Report) (*entrustment.Error, error) {
	in, err := st.contract(ctx, r.Entrustment)
	if _, away := errors.AsType[*wire.Away](err); err != nil && !away && entrustment.Public(err).Code == entrustment.CodeNotFound {
		// A room that was restored without it: the file stays, should it come back.
		return &entrustment.Error{Code: entrustment.CodeNotFound, Clause: "DESIGN §2 rule 1", Field: "entrustment", Detail: "the room does not know the entrustment of the report", Mend: "ask the operator"}, nil
	}
	if err != nil {
		return nil, err
	}
	if wire.Over(in.State) {
		return in.Gone(), nil
	}
	// Each version kept it by its days for as long as that version was in force: what
	// expired is not brought back by an amendment.
	inForce := st.now
	for i, v := range in.Versions {
		due := r.Released.AddDate(0, 0, int(v.Contract.Retention.Reports))
		if !inForce.Before(due) && (i > 0 || st.room.Clock == nil) {
			refusal := &entrustment.Error{Code: entrustment.CodeGone, Clause: "DESIGN §8", Field: "report",
				Detail: "the report was kept until " + entrustment.Moment(due), Mend: "ask again, where the contract runs"}
			return refusal.By(entrustment.ContractClause{ID: in.ID, Version: v.Version, Clause: "retention.reports"}), nil
		}
		if inForce, err = time.Parse(time.RFC3339, v.At); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// mayRead refuses a report that the room does not give out now.
func (s *Server) mayRead(ctx context.Context, r *store.Report) error {
	if !s.holds(controlRead) {
		return nil
	}
	st, err := s.standing(ctx)
	if err != nil {
		return err
	}
	gone, err := st.gone(ctx, r)
	switch {
	case err != nil:
		return err
	case gone != nil:
		return gone
	case !st.room.Frozen:
		return nil
	}
	f, err := s.Enclave.Frozen(ctx)
	if err != nil || !f.Frozen { // lifted in between
		return err
	}
	at, err := time.Parse(time.RFC3339, f.At)
	if err != nil {
		return err
	}
	return wire.Stopped(at)
}

// sweepReports removes the files of what is gone, and of no report.
func (s *Server) sweepReports(ctx context.Context) error {
	st, err := s.standing(ctx)
	if err != nil {
		return err
	}
	return s.reports.sweep(ctx, s.Store.ReportFiles, func(r *store.Report) (bool, error) {
		gone, err := st.gone(ctx, r)
		return gone != nil && gone.Code == entrustment.CodeGone, err
	})
}
