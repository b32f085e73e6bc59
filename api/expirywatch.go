package api

import (
	"context"
	"encoding/json"
	"time"

	"awase/api/store"
	"awase/enclave/wire"
	"awase/entrustment"
)

// People are told a week before what is theirs is destroyed: a list, an event log, what
// a contract's last day takes, and the contract with its key. Once for each thing and
// its day, whatever front is up then: the event is named by both.

const (
	expiryNotice = 7 * 24 * time.Hour
	expiryLook   = time.Hour // of the room's clock, where nothing new stands in its log
)

// lookAtExpiries tells of what is due soon on the room's clock. While a jump of the
// machine's clock waits to be accepted nothing expires, and nothing is told.
func (s *Server) lookAtExpiries(ctx context.Context, room *wire.Room) error {
	now, err := time.Parse(time.RFC3339, room.Now)
	if err != nil || room.Clock != nil {
		return err
	}
	soon := func(due time.Time) bool { return now.Before(due) && !now.Before(due.Add(-expiryNotice)) }
	contracts, err := s.Enclave.Contracts(ctx)
	if err != nil {
		return err
	}
	for i := range contracts {
		c := &contracts[i]
		if c.EndsAt == "" || len(c.Versions) == 0 { // it ended
			continue
		}
		terms := c.Versions[0].Contract
		end, err := time.Parse(time.RFC3339, c.EndsAt)
		if err != nil {
			return err
		}
		for kind, due := range map[string]time.Time{store.EventContractExpires: terms.Until.End(), store.EventContractEnds: end} {
			if !soon(due) {
				continue
			}
			for _, party := range terms.Parties() {
				if err := s.expires(ctx, party, kind, c.ID, due, map[string]string{}); err != nil {
					return err
				}
			}
		}
		if err := s.dataExpires(ctx, c.ID, soon); err != nil {
			return err
		}
	}
	return nil
}

// dataExpires tells whose lists and event logs under an entrustment are due soon.
// Reports and deliveries are files of who has them.
func (s *Server) dataExpires(ctx context.Context, id string, soon func(time.Time) bool) error {
	all, err := s.Enclave.Retention(ctx, id)
	if err != nil {
		return err
	}
	for _, x := range all {
		due, err := time.Parse(time.RFC3339, x.ExpiresAt)
		if err != nil {
			return err
		}
		if x.ExpiredAt != "" || x.What == "report" || x.What == "delivery" || !soon(due) {
			continue
		}
		said := map[string]string{"what": x.What, "clause": x.Clause}
		if x.Name != "" {
			said["name"] = x.Name
		}
		if err := s.expires(ctx, x.Party, store.EventDataExpires, id, due, said); err != nil {
			return err
		}
	}
	return nil
}

// expires tells a party once of a thing and its day. Several logs of one day are told
// of together.
func (s *Server) expires(ctx context.Context, party, kind, id string, due time.Time, said map[string]string) error {
	day := entrustment.DateOf(due.Add(-time.Second)).String() // the last on which it is there
	event := sameID("evt", id, kind, party, said["what"], said["name"], day)
	said["day"], said["path"] = day, "/v1/entrustments/"+id+"/retention"
	raw, err := json.Marshal(said)
	if err != nil {
		return err
	}
	return s.tell(ctx, store.Event{ID: event, Party: party, Kind: kind, Subject: id, Data: raw})
}
