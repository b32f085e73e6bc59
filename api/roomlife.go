package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"awase/api/store"
	"awase/enclave/wire"
	"awase/entrustment"
)

// A contract's life before it is active: people of its parties read its draft and say
// so, the operator may take it back, officers sign it; and what one version changed of
// another.

// lifeEndpoints are the operations of this file.
func (s *Server) lifeEndpoints() []endpoint {
	return []endpoint{
		{"entrustmentChanges", http.MethodGet, "/v1/entrustments/:entrustment/changes", s.entrustmentChanges},
		{"reviewDraft", http.MethodPut, "/v1/drafts/:hash/review", s.reviewDraft},
		{"dropReview", http.MethodDelete, "/v1/drafts/:hash/review", s.dropReview},
		{"withdrawDraft", http.MethodPost, "/v1/drafts/:hash/withdrawal", s.withdrawDraft},
	}
}

// keptReviews is how long reviews are kept: longer than any draft waits.
const keptReviews = 30 * 24 * time.Hour

// reviewed notes on a draft who read it. Names are for people of the same party and
// for the operator.
func (s *Server) reviewed(ctx context.Context, who *Principal, d *wire.Draft) error {
	reviews, err := s.Store.Reviews(ctx, d.Hash)
	if err != nil {
		return err
	}
	by := map[string]bool{}
	for _, r := range reviews {
		if !slices.Contains(d.Parties, r.Party) {
			continue // the parties of a draft may have changed since
		}
		by[r.Party] = true
		out := wire.Review{Party: r.Party, At: r.At.UTC().Format(time.RFC3339)}
		if who.Operator || who.Party == r.Party {
			out.By = r.Name
		}
		d.Reviews = append(d.Reviews, out)
	}
	if d.State == wire.DraftNew && len(by) == len(d.Parties) {
		d.State = wire.DraftReviewed
	}
	return nil
}

func (s *Server) reviewDraft(c *call) (*answer, error) {
	d, err := s.ownDraft(c, c.param("hash"))
	if err != nil {
		return nil, err
	}
	if err := s.Store.AddReview(c.ctx(), d.Hash, c.who.Person, s.Now()); err != nil {
		return nil, err
	}
	return s.draft(c)
}

func (s *Server) dropReview(c *call) (*answer, error) {
	d, err := s.ownDraft(c, c.param("hash"))
	if err != nil {
		return nil, err
	}
	if err := s.Store.DropReview(c.ctx(), d.Hash, c.who.Person); errors.Is(err, store.ErrNotFound) {
		return nil, errNotFound
	} else if err != nil {
		return nil, err
	}
	return s.draft(c)
}

// withdrawDraft takes a draft back. The operator makes them, so people of the operator
// do: another party has its officers sign nothing.
func (s *Server) withdrawDraft(c *call) (*answer, error) {
	d, err := s.ownDraft(c, c.param("hash"))
	if err != nil {
		return nil, err
	}
	ack, err := s.Enclave.Withdraw(c.ctx(), d.Hash)
	if err != nil {
		return nil, err
	}
	return ok(ack), nil
}

// contractChanges is what one version of a contract, or a draft, changes of another.
type contractChanges struct {
	Entrustment string               `json:"entrustment"`
	From        int                  `json:"from"` // version; 0: of none
	To          int                  `json:"to"`
	Draft       string               `json:"draft,omitempty"` // hash of the draft that would be To
	Changes     []entrustment.Change `json:"changes"`
}

// entrustmentChanges tells what changed between two versions of a contract: between
// the newest two, the given ones, or what a draft would change of what is in force.
func (s *Server) entrustmentChanges(c *call) (*answer, error) {
	q, err := c.query("from", "to", "draft")
	if err != nil {
		return nil, err
	}
	if hash := q.Get("draft"); hash != "" {
		if q.Has("from") || q.Has("to") {
			return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "draft", Detail: "a draft changes what is in force, and no other version", Mend: "leave from and to out"}
		}
		return s.draftChanges(c, hash)
	}
	e, err := s.seen(c, c.param("entrustment"))
	if err != nil {
		return nil, err
	}
	to, err := versionOf(q.Get("to"), "to", e.Version, 1, e.Version)
	if err != nil {
		return nil, err
	}
	from, err := versionOf(q.Get("from"), "from", to-1, 0, e.Version)
	if err != nil {
		return nil, err
	}
	at := func(version int) *entrustment.Contract {
		for _, v := range e.Versions {
			if v.Version == version {
				return v.Contract
			}
		}
		return nil
	}
	return ok(contractChanges{e.ID, from, to, "", entrustment.Diff(at(from), at(to))}), nil
}

// versionOf reads the number of a version.
func versionOf(text, field string, otherwise, least, most int) (int, error) {
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, &entrustment.Error{Code: entrustment.CodeSpec, Field: field, Detail: "there is no such version", Mend: fmt.Sprintf("name a version from %d to %d", least, most)}
	}
	return n, nil
}

func (s *Server) draftChanges(c *call, hash string) (*answer, error) {
	d, err := s.ownDraft(c, hash)
	if err != nil {
		return nil, err
	}
	if d.Statement.Act != "entrust" || d.Statement.ID != c.param("entrustment") {
		return nil, errNotFound
	}
	var after entrustment.Contract
	if err := json.Unmarshal(d.Document, &after); err != nil {
		return nil, fmt.Errorf("reading a draft: %w", err)
	}
	var before *entrustment.Contract
	if len(d.Before) > 0 {
		before = new(entrustment.Contract)
		if err := json.Unmarshal(d.Before, before); err != nil {
			return nil, fmt.Errorf("reading what a draft replaces: %w", err)
		}
	}
	return ok(contractChanges{d.Statement.ID, d.Statement.Version - 1, d.Statement.Version, d.Hash, entrustment.Diff(before, &after)}), nil
}
