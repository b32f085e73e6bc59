package api

import (
	"fmt"
	"net/http"
	"strconv"

	"awase/enclave/wire"
	"awase/entrustment"
)

// subjectEndpoints are the operations of data subjects' requests. Who asks comes
// sealed to the enclave: the service never sees a user key, and is told nothing of
// whether the room knows them.
func (s *Server) subjectEndpoints() []endpoint {
	return []endpoint{
		{"takeRequest", http.MethodPost, "/v1/requests", s.takeRequest},
		{"listRequests", http.MethodGet, "/v1/requests", s.listRequests},
		{"requestReceipt", http.MethodGet, "/v1/requests/:request/receipt", s.requestReceipt},
	}
}

// takeRequest hands a sealed request to the enclave, in the name of who is signed in:
// they say that they checked who asks.
func (s *Server) takeRequest(c *call) (*answer, error) {
	var body struct {
		Check struct {
			Method wire.CheckMethod `json:"method"`
			Agent  bool             `json:"agent"`
			On     entrustment.Date `json:"on"`
		} `json:"check"`
		Sealed []byte `json:"sealed"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	raw, err := s.Enclave.Request(c.ctx(), wire.RightsRequest{
		Check:  wire.IdentityCheck{Method: body.Check.Method, Agent: body.Check.Agent, On: body.Check.On, By: wire.OfPerson(c.who.Person)},
		Sealed: body.Sealed,
	})
	if err != nil {
		return nil, err
	}
	return file("application/json", raw), nil
}

func (s *Server) listRequests(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	all, err := s.Enclave.Requests(c.ctx())
	if err != nil {
		return nil, err
	}
	return pageOf(all, p, func(r wire.RequestInfo) string { return fmt.Sprintf("%019d", r.Number) }), nil
}

func (s *Server) requestReceipt(c *call) (*answer, error) {
	n, err := strconv.ParseInt(c.param("request"), 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != c.param("request") {
		return nil, errNotFound
	}
	raw, err := s.Enclave.RequestReceipt(c.ctx(), n)
	if err != nil {
		return nil, err
	}
	return file("application/json", raw), nil
}
