package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
)

// entrustmentEndpoints are the operations of contracts.
func (s *Server) entrustmentEndpoints() []endpoint {
	return []endpoint{
		{"entrustments", http.MethodGet, "/v1/entrustments", s.entrustments},
		{"entrustment", http.MethodGet, "/v1/entrustments/:entrustment", s.entrustment},
		{"putEntrustment", http.MethodPut, "/v1/entrustments/:entrustment", s.putEntrustment},
		{"attributes", http.MethodGet, "/v1/entrustments/:entrustment/attributes", s.attributes},
		{"terms", http.MethodGet, "/v1/entrustments/:entrustment/terms", s.terms},
		{"endEntrustment", http.MethodPost, "/v1/entrustments/:entrustment/end", s.endEntrustment},
		{"toEnd", http.MethodGet, "/v1/entrustments/:entrustment/end", s.toEnd},
		{"certificate", http.MethodGet, "/v1/entrustments/:entrustment/certificate", s.certificate},
		{"baseTerms", http.MethodGet, "/v1/bases/terms", s.baseTerms},
	}
}

// sees tells whether who asks may see what is of some parties.
func (s *Server) sees(who *Principal, parties []string) bool {
	return who.Operator || slices.Contains(parties, who.Party) || !s.holds(controlParty)
}

// seen gives an entrustment that who asks may see, whole. One of others is not
// found, in the words of one that never was.
func (s *Server) seen(c *call, id string) (wire.EntrustmentInfo, error) {
	if entrustment.CheckID("entrustment", id) != nil {
		return wire.EntrustmentInfo{}, errNotFound
	}
	e, err := s.Enclave.Entrustment(c.ctx(), id)
	if _, away := errors.AsType[*wire.Away](err); away { // which is not found, too
		return e, err
	} else if err != nil && entrustment.Public(err).Code == entrustment.CodeNotFound {
		return e, errNotFound
	} else if err != nil {
		return e, err
	}
	if !s.sees(c.who, e.Versions[0].Contract.Parties()) {
		return e, errNotFound
	}
	return e, nil
}

// asks tells whether people of a party may ask questions under a contract: whose
// people are joined alone sees it, and spends nobody's budget.
func (s *Server) asks(e *wire.EntrustmentInfo, party string) bool {
	return e.Versions[0].Contract.MayAsk(party) || !s.holds(controlAsk)
}

// asker gives the party that the enclave is told asks, and holds to who may.
func (s *Server) asker(party string) string {
	if s.holds(controlAsk) {
		return party
	}
	return ""
}

// subTrustee tells whether a party is one under the newest version of a contract.
func subTrustee(e *wire.EntrustmentInfo, party string) bool {
	return slices.ContainsFunc(e.Versions[0].Contract.SubTrustees, func(s entrustment.SubTrustee) bool { return s.Party == party })
}

// asksToday refuses people of a sub-trustee outside its days, by the room's clock: of
// what the enclave is not told who asks.
func (s *Server) asksToday(c *call, id string) error {
	e, err := s.seen(c, id)
	if err != nil {
		return err
	}
	k := e.Versions[0].Contract
	if !subTrustee(&e, c.who.Party) {
		return nil
	}
	room, err := s.Enclave.Room(c.ctx())
	if err != nil {
		return err
	}
	now, err := time.Parse(time.RFC3339, room.Now)
	if err != nil {
		return err
	}
	parties, err := s.Enclave.Parties(c.ctx())
	if err != nil {
		return err
	}
	facts := entrustment.Facts{Now: now, Contract: k, Version: e.Version, Parties: map[string]*entrustment.Party{}}
	for i := range parties {
		facts.Parties[parties[i].Party.ID] = parties[i].Party
	}
	return entrustment.DecideAsker(facts, c.who.Party)
}

// by gives a refusal that a clause of the newest version of a contract decides.
func by(e *wire.EntrustmentInfo, clause string, refusal *entrustment.Error) error {
	return refusal.By(entrustment.ContractClause{ID: e.ID, Version: e.Version, Clause: clause})
}

func (s *Server) entrustments(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	contracts, err := s.Enclave.Contracts(c.ctx())
	if err != nil {
		return nil, err
	}
	own := slices.DeleteFunc(contracts, func(e wire.EntrustmentInfo) bool { return !s.sees(c.who, e.Versions[0].Contract.Parties()) })
	return pageOf(own, p, func(e wire.EntrustmentInfo) string { return e.ID }), nil
}

func (s *Server) entrustment(c *call) (*answer, error) {
	e, err := s.seen(c, c.param("entrustment"))
	if err != nil {
		return nil, err
	}
	return ok(e), nil
}

// putEntrustment drafts a contract, or activates it where nobody signs. The operator
// is a party of each, so people of the operator put them: what others write into
// the queue of drafts would be a way to fill it, and an id that is refused a way to
// learn of a contract of others.
func (s *Server) putEntrustment(c *call) (*answer, error) {
	doc, err := document(c, entrustment.ParseContract)
	if err != nil {
		return nil, err
	}
	if err := c.names("entrustment", doc.ID); err != nil {
		return nil, err
	}
	return s.put(c, func() (any, error) { return s.seen(c, doc.ID) }, func() (wire.Ack, error) { return s.Enclave.Entrust(c.ctx(), doc) })
}

// termsSchema is the schema name of what awase seal reads.
const termsSchema = "awase.terms/v1"

// shownTerms is what files are sealed to, as awase terms prints it.
type shownTerms struct {
	Schema      string         `json:"schema"`
	Key         seal.PublicKey `json:"key"`
	Fingerprint string         `json:"fingerprint"`
	Entrustment string         `json:"entrustment"`
	Version     int            `json:"version"`
	Party       string         `json:"party"`
}

// showTerms gives what people of a party seal to: files of that party, if some are taken.
func (s *Server) showTerms(ctx context.Context, id, party string) (*shownTerms, error) {
	t, err := s.Enclave.Terms(ctx, id)
	if err != nil {
		return nil, err
	}
	if slices.Contains(t.Loggers, party) { // a receiver's, of its event logs alone
		t.Party = party
	}
	return &shownTerms{termsSchema, t.Key, t.Key.Fingerprint(), t.Entrustment, t.Version, t.Party}, nil
}

func (s *Server) terms(c *call) (*answer, error) {
	e, err := s.seen(c, c.param("entrustment"))
	if err != nil {
		return nil, err
	}
	t, err := s.showTerms(c.ctx(), e.ID, c.who.Party)
	if err != nil {
		return nil, err
	}
	if t.Party != c.who.Party {
		return nil, by(&e, "basis", &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 1", Field: "party",
			Detail: "files are of " + entrustment.Quote(t.Party), Mend: "ask people of that party to seal and upload them"})
	}
	return ok(t), nil
}

func (s *Server) baseTerms(c *call) (*answer, error) {
	t, err := s.showTerms(c.ctx(), seal.BaseEntrustment, c.who.Party)
	if err != nil {
		return nil, err
	}
	return ok(t), nil
}

// endEntrustment ends an entrustment for good. Either side may: what was entrusted
// is the principal's to take back and the trustee's to give back.
func (s *Server) endEntrustment(c *call) (*answer, error) {
	var body struct {
		Confirm string         `json:"confirm"`
		By      wire.ByOfficer `json:"by"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	e, err := s.seen(c, c.param("entrustment"))
	if err != nil {
		return nil, err
	}
	if k := e.Versions[0].Contract; !slices.Contains([]string{k.Principal, k.Trustee}, c.who.Party) {
		return nil, by(&e, "principal", &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "DESIGN §2 rule 1", Field: "party",
			Detail: "an entrustment is ended by its principal or its trustee", Mend: "ask one of them"})
	}
	if body.Confirm != e.ID {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "confirm", Detail: "it is not the entrustment's id: what is destroyed can't be brought back", Mend: "write the id once more"}
	}
	raw, err := s.Enclave.EndEntrustment(c.ctx(), e.ID, body.By)
	if err != nil {
		return nil, err
	}
	return file("application/json", raw), nil
}

// toEnd gives what an officer signs to end an entrustment.
func (s *Server) toEnd(c *call) (*answer, error) {
	e, err := s.seen(c, c.param("entrustment"))
	if err != nil {
		return nil, err
	}
	ask, err := s.Enclave.ToSign(c.ctx(), "end", e.ID)
	if err != nil {
		return nil, err
	}
	return ok(ask), nil
}

func (s *Server) certificate(c *call) (*answer, error) {
	e, err := s.seen(c, c.param("entrustment"))
	if err != nil {
		return nil, err
	}
	raw, err := s.Enclave.Certificate(c.ctx(), e.ID)
	if err != nil {
		return nil, err
	}
	return file("application/json", raw), nil
}
