package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"awase/api/store"
	"awase/enclave/wire"
	"awase/entrustment"
)

// RoomStore is what the operations of the room need of the store: who read a draft.
// What the room knows stands in the record log.
type RoomStore interface {
	Ping(ctx context.Context) error
	AddReview(ctx context.Context, draft, person string, at time.Time) error
	DropReview(ctx context.Context, draft, person string) error
	Reviews(ctx context.Context, draft string) ([]store.Review, error)
	ExpireReviews(ctx context.Context, before time.Time) error
}

// roomEndpoints are the operations of the room. A rotation of the vault's key, a
// backup, and the confirming of a restore are not among them: who does these stands
// at the machine with the key's keeper or the copy in their hands, and the network
// is to have no part in it (docs/vault.md).
func (s *Server) roomEndpoints() []endpoint {
	return slices.Concat([]endpoint{
		{"room", http.MethodGet, "/v1/room", s.room},
		{"parties", http.MethodGet, "/v1/parties", s.parties},
		{"party", http.MethodGet, "/v1/parties/:party", s.party},
		{"putParty", http.MethodPut, "/v1/parties/:party", s.putParty},
		{"policies", http.MethodGet, "/v1/policies", s.policies},
		{"putPolicies", http.MethodPut, "/v1/policies", s.putPolicies},
		{"gate", http.MethodGet, "/v1/gate", s.gate},
		{"putGate", http.MethodPut, "/v1/gate", s.putGate},
		{"gateChanges", http.MethodPost, "/v1/gate/changes", s.gateChanges},
	}, s.entrustmentEndpoints(), s.lifeEndpoints(), s.officerEndpoints(), s.logEndpoints(), s.subjectEndpoints(), s.evidenceEndpoints())
}

// room is the state of the room.
func (s *Server) room(c *call) (*answer, error) {
	r, err := s.Enclave.Room(c.ctx())
	if err != nil {
		return nil, err
	}
	return ok(struct {
		wire.Room
		Version string `json:"version"` // of the program
	}{r, s.Version}), nil
}

// knownParties gives the parties that who asks may know of: of the operator all,
// else their own and those of the entrustments that it is in.
func (s *Server) knownParties(c *call) ([]wire.PartyInfo, error) {
	all, err := s.Enclave.Parties(c.ctx())
	if err != nil || c.who.Operator {
		return all, err
	}
	known := map[string]bool{c.who.Party: true}
	contracts, err := s.Enclave.Contracts(c.ctx())
	if err != nil {
		return nil, err
	}
	for _, e := range contracts {
		if of := e.Versions[0].Contract.Parties(); s.sees(c.who, of) {
			for _, id := range of {
				known[id] = true
			}
		}
	}
	return slices.DeleteFunc(all, func(p wire.PartyInfo) bool { return !known[p.Party.ID] }), nil
}

func (s *Server) parties(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	all, err := s.knownParties(c)
	if err != nil {
		return nil, err
	}
	return pageOf(all, p, func(i wire.PartyInfo) string { return i.Party.ID }), nil
}

func (s *Server) party(c *call) (*answer, error) {
	p, err := s.knownParty(c, c.param("party"))
	if err != nil {
		return nil, err
	}
	return ok(p), nil
}

func (s *Server) knownParty(c *call, id string) (wire.PartyInfo, error) {
	all, err := s.knownParties(c)
	if err != nil {
		return wire.PartyInfo{}, err
	}
	for _, p := range all {
		if p.Party.ID == id {
			return p, nil
		}
	}
	return wire.PartyInfo{}, errNotFound
}

func (s *Server) putParty(c *call) (*answer, error) {
	doc, err := document(c, entrustment.ParseParty)
	if err != nil {
		return nil, err
	}
	if err := c.names("party", doc.ID); err != nil {
		return nil, err
	}
	return s.put(c, func() (any, error) { return s.knownParty(c, doc.ID) }, func() (wire.Ack, error) { return s.Enclave.AddParty(c.ctx(), doc) })
}

func (s *Server) policies(c *call) (*answer, error) {
	p, err := s.policiesInForce(c)
	if err != nil {
		return nil, err
	}
	return ok(p), nil
}

func (s *Server) policiesInForce(c *call) (any, error) {
	p, err := s.Enclave.Policies(c.ctx())
	if err == nil && p == nil {
		return nil, &entrustment.Error{Code: entrustment.CodeNotFound, Field: "policies", Detail: "no policies were set yet", Mend: "the operator sets them: PUT /v1/policies"}
	}
	return p, err
}

func (s *Server) putPolicies(c *call) (*answer, error) {
	doc, err := document(c, entrustment.ParsePolicies)
	if err != nil {
		return nil, err
	}
	return s.put(c, func() (any, error) { return s.policiesInForce(c) }, func() (wire.Ack, error) { return s.Enclave.SetPolicies(c.ctx(), doc) })
}

func (s *Server) gate(c *call) (*answer, error) {
	g, err := s.Enclave.Gate(c.ctx())
	if err != nil {
		return nil, err
	}
	return ok(g), nil
}

func (s *Server) putGate(c *call) (*answer, error) {
	if err := c.isDocument(); err != nil {
		return nil, err
	}
	return s.put(c, func() (any, error) { return s.Enclave.Gate(c.ctx()) }, func() (wire.Ack, error) { return s.Enclave.SetGate(c.ctx(), documentName, c.raw) })
}

func (s *Server) gateChanges(c *call) (*answer, error) {
	if err := c.isDocument(); err != nil {
		return nil, err
	}
	changes, err := s.Enclave.GateChanges(c.ctx(), documentName, c.raw)
	if err != nil {
		return nil, err
	}
	return all(changes), nil
}

// all is a list that is short enough for one page.
func all[T any](rows []T) *answer {
	if rows == nil {
		rows = []T{}
	}
	return ok(listed[T]{Items: rows})
}

// documentName is what places in a document are given by: body:3:9 (basis[0].code).
const documentName = "body"

// isDocument refuses a body that is said to be neither JSON nor YAML, or JSON that
// is none.
func (c *call) isDocument() error {
	switch c.media() {
	case "application/yaml":
		return nil
	case "application/json":
		if !json.Valid(c.raw) { // which entrustment would try as YAML
			return &entrustment.Error{Code: entrustment.CodeDocument, Field: documentName, Detail: "it is not JSON", Mend: "check brackets and quotes, or send YAML as Content-Type: application/yaml"}
		}
		return nil
	}
	return &withStatus{&entrustment.Error{Code: entrustment.CodeSpec, Field: "Content-Type", Detail: "the document is said to be neither JSON nor YAML",
		Mend: "send it with Content-Type: application/json, or application/yaml"}, http.StatusUnsupportedMediaType}
}

// document reads the body as a document of docs/documents.md.
func document[T any](c *call, parse func(file string, data []byte) (*T, error)) (*T, error) {
	if err := c.isDocument(); err != nil {
		return nil, err
	}
	return parse(documentName, c.raw)
}

// names refuses a document of another id than the address has.
func (c *call) names(param, id string) error {
	if c.param(param) == id {
		return nil
	}
	return &entrustment.Error{Code: entrustment.CodeSpec, Field: "id", Detail: "the document is of another id than the address", Mend: "send it to the address of its own id"}
}

// put does an act on what is there now. now gives it as GET answers it, a refusal of
// E_NOT_FOUND where there is none; where the request has If-Match or If-None-Match,
// it is as who asks knows it, or nothing is done.
func (s *Server) put(c *call, now func() (any, error), act func() (wire.Ack, error)) (*answer, error) {
	s.puts.Lock()
	defer s.puts.Unlock()
	if c.Header.Get("If-Match") != "" || c.Header.Get("If-None-Match") != "" {
		is, err := now()
		if e := entrustment.Public(err); err != nil && e.Code != entrustment.CodeNotFound {
			return nil, err
		}
		tag := ""
		if err == nil {
			raw, err := marshal(is)
			if err != nil {
				return nil, err
			}
			tag = etag(raw)
		}
		if want := c.Header.Get("If-Match"); want != "" && !matchesStrongly(want, tag) {
			return nil, errChanged
		}
		if not := c.Header.Get("If-None-Match"); not != "" && tag != "" && matches(not, tag) {
			return nil, errChanged
		}
	}
	ack, err := act()
	if err != nil {
		return nil, err
	}
	return acted(ack), nil
}

// acted is the answer to an act: done, or a draft that waits for officers.
func acted(ack wire.Ack) *answer {
	if ack.Waits != nil {
		return accepted("/v1/drafts/"+ack.Waits.Hash, ack)
	}
	return ok(ack)
}

// matchesStrongly tells whether an If-Match names a tag; "" is of what is not there.
func matchesStrongly(header, tag string) bool {
	if tag == "" {
		return false
	}
	for one := range strings.SplitSeq(header, ",") {
		if one = strings.TrimSpace(one); one == tag || one == "*" {
			return true
		}
	}
	return false
}
