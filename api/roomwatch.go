package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"time"

	"awase/api/store"
	"awase/enclave/wire"
)

// watched is what was last seen of the room.
type watched struct {
	entry  int64 // the newest of the log then
	frozen int64 // entry of the log by which releases were stopped; 0: they were not
	known  bool

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
	f, err := s.Enclave.Frozen(ctx)
	if err != nil {
		return err
	}
	switch {
	case f.Frozen && (!was.known || was.frozen != f.Seq):
		err = s.everybody(ctx, store.EventFreeze, f.Seq)
	case !f.Frozen && was.known && was.frozen != 0:
		err = s.everybody(ctx, store.EventUnfreeze, was.frozen)
	}
	if err != nil {
		return err
	}
	*was = watched{entry: room.Seq, known: true, looked: was.looked}
	if f.Frozen {
		was.frozen = f.Seq
	}
	return nil
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
