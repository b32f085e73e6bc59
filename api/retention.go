package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"awase/enclave/wire"
	"awase/entrustment"
)

// listRetention gives what expires under an entrustment, soonest first: dates and
// names, which stand in the record log for all its sides, and no numbers.
func (s *Server) listRetention(c *call) (*answer, error) {
	id := c.param("entrustment")
	e, err := s.seen(c, id)
	if err != nil {
		return nil, err
	}
	all, err := s.Enclave.Retention(c.ctx(), id)
	if err != nil {
		return nil, err
	}
	if !c.who.Operator && !slices.Contains(e.Versions[0].Contract.Sides(), c.who.Party) {
		all = slices.DeleteFunc(all, func(x wire.Expiry) bool { return x.Party != c.who.Party })
	}
	return ok(whole(all)), nil
}

// keptUntil tells how long a contract keeps a release: as the version in force says,
// which the enclave's own copy expires by too.
func (s *Server) keptUntil(ctx context.Context, r *wire.Release) (time.Time, error) {
	e, err := s.Enclave.Entrustment(ctx, r.Entrustment)
	if err != nil {
		return time.Time{}, err
	}
	if len(e.Versions) == 0 {
		return time.Time{}, errors.New("an entrustment without a contract")
	}
	released, err := time.Parse(time.RFC3339, r.ReleasedAt)
	if err != nil {
		return time.Time{}, err
	}
	return released.AddDate(0, 0, int(e.Versions[0].Contract.Retention.Reports)), nil
}

// expireReports forgets the reports that their contract keeps no longer, as it is in
// force now. The clock is the room's: while a jump of the machine's waits to be
// accepted, nothing expires.
func (s *Server) expireReports(ctx context.Context) error {
	room, err := s.Enclave.Room(ctx)
	if err != nil || room.Clock != nil {
		return err
	}
	now, err := time.Parse(time.RFC3339, room.Now)
	if err != nil {
		return err
	}
	contracts, err := s.Enclave.Contracts(ctx)
	if err != nil {
		return err
	}
	days := map[string]entrustment.Days{}
	for _, c := range contracts {
		if len(c.Versions) > 0 {
			days[c.ID] = c.Versions[0].Contract.Retention.Reports
		}
	}
	return s.Store.ExpireReports(ctx, now, days)
}
