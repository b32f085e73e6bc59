package api

import (
	"net/http"
	"slices"

	"awase/crypto/approval"
	"awase/enclave/wire"
	"awase/entrustment"
)

// officerEndpoints are what officers do (docs/officers.md). Who asks decides nothing
// here: the signature does, in the enclave.
func (s *Server) officerEndpoints() []endpoint {
	return []endpoint{
		{"drafts", http.MethodGet, "/v1/drafts", s.drafts},
		{"draft", http.MethodGet, "/v1/drafts/:hash", s.draft},
		{"approve", http.MethodPost, "/v1/drafts/:hash/approvals", s.approve},
		{"freeze", http.MethodGet, "/v1/freeze", s.freezeState},
		{"stop", http.MethodPost, "/v1/freeze", s.stop},
		{"lift", http.MethodPost, "/v1/freeze/lift", s.lift},
		{"acceptClock", http.MethodPost, "/v1/clock/accept", s.acceptClock},
	}
}

// ownDrafts gives the drafts that wait for an officer of the asker's party, or had
// one of theirs.
func (s *Server) ownDrafts(c *call) ([]wire.Draft, error) {
	all, err := s.Enclave.Drafts(c.ctx())
	if err != nil {
		return nil, err
	}
	own := slices.DeleteFunc(all, func(d wire.Draft) bool { return !slices.Contains(d.Parties, c.who.Party) && s.holds(controlParty) })
	for i := range own {
		if err := s.reviewed(c.ctx(), c.who, &own[i]); err != nil {
			return nil, err
		}
	}
	return own, nil
}

func (s *Server) drafts(c *call) (*answer, error) {
	ds, err := s.ownDrafts(c)
	if err != nil {
		return nil, err
	}
	return all(ds), nil
}

func (s *Server) ownDraft(c *call, hash string) (*wire.Draft, error) {
	ds, err := s.ownDrafts(c)
	if err != nil {
		return nil, err
	}
	for i := range ds {
		if ds[i].Hash == hash {
			return &ds[i], nil
		}
	}
	return nil, errNotFound
}

func (s *Server) draft(c *call) (*answer, error) {
	d, err := s.ownDraft(c, c.param("hash"))
	if err != nil {
		return nil, err
	}
	return ok(d), nil
}

func (s *Server) approve(c *call) (*answer, error) {
	var body struct {
		Key       string             `json:"key"`
		Signature approval.Signature `json:"signature"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	d, err := s.ownDraft(c, c.param("hash"))
	if err != nil {
		return nil, err
	}
	a, err := s.Enclave.Approve(c.ctx(), wire.Approval{Draft: d.Hash, Key: body.Key, Signature: body.Signature})
	if err != nil {
		return nil, err
	}
	return ok(a), nil
}

// forParty takes out of a freeze whose officers it was, where that is not for the
// asker's party to learn.
func forParty(f wire.Freeze, who *Principal) wire.Freeze {
	if who.Operator {
		return f
	}
	if f.Party != who.Party {
		f.Party, f.Officer = "", ""
	}
	f.Stops = slices.Clone(f.Stops)
	for i := range f.Stops {
		if s := &f.Stops[i]; s.Party != who.Party {
			s.Party, s.Officer = "", ""
		}
	}
	return f
}

// stoppedBy tells whether an officer of a party stopped releases.
func stoppedBy(f *wire.Freeze, party string) bool {
	return slices.ContainsFunc(f.Stops, func(s wire.Stop) bool { return s.Party == party })
}

func (s *Server) freezeState(c *call) (*answer, error) {
	f, err := s.Enclave.Frozen(c.ctx())
	if err != nil {
		return nil, err
	}
	return ok(forParty(f, c.who)), nil
}

func (s *Server) stop(c *call) (*answer, error) {
	var r wire.FreezeRequest
	if err := c.decode(&r); err != nil {
		return nil, err
	}
	f, err := s.Enclave.Freeze(c.ctx(), r)
	if err != nil {
		return nil, err
	}
	return ok(forParty(f, c.who)), nil
}

// lift lets releases out again, or drafts that: for the operator, and each party whose
// officer stopped them.
func (s *Server) lift(c *call) (*answer, error) {
	f, err := s.Enclave.Frozen(c.ctx())
	if err != nil {
		return nil, err
	}
	if f.Frozen && !c.who.Operator && !stoppedBy(&f, c.who.Party) {
		return nil, &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §7", Field: "party",
			Detail: "the operator lets releases out again, or the party whose officer stopped them", Mend: "ask the operator"}
	}
	ack, err := s.Enclave.Lift(c.ctx())
	if err != nil {
		return nil, err
	}
	return acted(ack), nil
}

func (s *Server) acceptClock(c *call) (*answer, error) {
	state, err := s.Enclave.AcceptClock(c.ctx())
	if err != nil {
		return nil, err
	}
	if state.Waits != nil {
		return accepted("/v1/drafts/"+state.Waits.Hash, state), nil
	}
	return ok(state), nil
}
