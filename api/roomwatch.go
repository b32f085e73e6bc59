package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"awase/api/store"
	"awase/enclave/wire"
)

// watched is what was last seen of the room.
type watched struct {
	entry int64   // the newest of the log then
	stops []int64 // entries of the log by which releases were stopped
	known bool

	looked time.Time // when what expires soon was last looked for, on the room's clock
}

// watch tells people of what happens in the room, whoever did it, also at the
// machine: drafts that wait for their signature, and that releases are stopped or
// go on. Events are named by what they are of, so each is told once, however often
// it is seen, and by whichever front.
func (s *Server) watch(ctx context.Context) {
	ctx = behalf(ctx, "")
	tick := time.NewTicker(s.Jobs.Look)
	defer tick.Stop()
	var seen watched
	for {
		if err := s.lookAround(ctx, &seen); err != nil && ctx.Err() == nil {
			s.Logger.LogAttrs(ctx, slog.LevelWarn, "looking at the room", slog.String("error", settled(err).Error()))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// lookAround looks once. What it tells of stands in the log: while that has no new
// entry, there is nothing new.
func (s *Server) lookAround(ctx context.Context, was *watched) error {
	room, err := s.Enclave.Room(ctx)
	if err != nil {
		return err
	}
	if err := s.expiriesDue(ctx, &room, was); err != nil {
		return err
	}
	if was.known && was.entry == room.Seq {
		return nil
	}
	drafts, err := s.Enclave.Drafts(ctx)
	if err != nil {
		return err
	}
	for i := range drafts {
		if err := s.draftWaits(ctx, &drafts[i]); err != nil {
			return err
		}
	}
	now := watched{entry: room.Seq, known: true, looked: was.looked}
	f, err := s.Enclave.Frozen(ctx)
	if err != nil {
		return err
	}
	for _, stop := range f.Stops {
		now.stops = append(now.stops, stop.Seq)
	}
	if err := s.follow(ctx, was, &now); err != nil {
		return err
	}
	*was = now
	return nil
}

// follow does what the log's new entries ask for. It tells of each freeze, and of those
// that are lifted: also of one that came and went between two looks. And the files of
// reports go whose entrustment ended, or keeps them no longer.
func (s *Server) follow(ctx context.Context, was, now *watched) error {
	lifted, swept := slices.Clone(was.stops), was.known
	if !was.known {
		if err := s.deliveriesThere(ctx); err != nil {
			return err
		}
	}
	for next := was.entry + 1; was.known && next != 0; {
		page, err := s.Enclave.Log(ctx, wire.LogRequest{From: next})
		if err != nil {
			return err
		}
		for i := range page.Entries {
			switch e := &page.Entries[i]; e.Kind {
			case "freeze":
				lifted = append(lifted, e.Seq)
			case "end", "expired":
				swept = false
			case "delivery", "handed-over":
				if err := s.tellOfDelivery(ctx, e); err != nil {
					return err
				}
			}
		}
		next = page.Next
	}
	lifted = slices.DeleteFunc(lifted, func(seq int64) bool { return slices.Contains(now.stops, seq) })
	tell := func(kind string, seqs ...int64) error {
		for _, seq := range seqs {
			if err := s.everybody(ctx, kind, seq); err != nil {
				return err
			}
		}
		return nil
	}
	err := tell(store.EventFreeze, lifted...)
	if err == nil && len(lifted) > 0 {
		err = tell(store.EventUnfreeze, slices.Max(lifted))
	}
	if err == nil {
		err = tell(store.EventFreeze, now.stops...)
	}
	if err == nil && !swept {
		err = s.sweepReports(ctx)
	}
	return err
}

// expiriesDue looks for what expires soon, each hour and where the log has something
// new.
func (s *Server) expiriesDue(ctx context.Context, room *wire.Room, was *watched) error {
	now, err := time.Parse(time.RFC3339, room.Now)
	if err != nil || was.known && was.entry == room.Seq && now.Sub(was.looked).Abs() < expiryLook {
		return err
	}
	if err := s.lookAtExpiries(ctx, room); err != nil {
		return err
	}
	was.looked = now
	return nil
}

// draftWaits tells each party whose officer has to sign yet.
func (s *Server) draftWaits(ctx context.Context, d *wire.Draft) error {
	if len(d.Hash) < 32 {
		return nil // none of ours
	}
	data, err := json.Marshal(map[string]string{"act": d.Statement.Act, "id": d.Statement.ID, "path": "/v1/drafts"})
	if err != nil {
		return err
	}
	for _, party := range d.Needs {
		id := "evt-draft-" + d.Hash[:32] + "-" + party
		if err := s.tell(ctx, store.Event{ID: id, Party: party, Kind: store.EventDraftWaits, Subject: d.Hash[:32], Data: data}); err != nil {
			return err
		}
	}
	return nil
}

// everybody tells every party.
func (s *Server) everybody(ctx context.Context, kind string, seq int64) error {
	parties, err := s.Enclave.Parties(ctx)
	if err != nil {
		return err
	}
	for _, p := range parties {
		id := "evt-" + kind + "-" + strconv.FormatInt(seq, 10) + "-" + p.Party.ID
		if err := s.tell(ctx, store.Event{ID: id, Party: p.Party.ID, Kind: kind, Subject: "room"}); err != nil {
			return err
		}
	}
	return nil
}
