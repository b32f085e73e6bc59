package api

import (
	"fmt"
	"net/http"
	"strconv"

	"awase/crypto/seal"
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
		{"disclosure", http.MethodGet, "/v1/requests/:request/disclosure", s.disclosure},
		{"disclose", http.MethodPost, "/v1/requests/:request/disclosure", s.disclose},
		{"deskKey", http.MethodGet, "/v1/desk-key", s.deskKey},
		{"putDeskKey", http.MethodPut, "/v1/desk-key", s.putDeskKey},
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

// requestNumber reads the number of a request, as it is written in one way.
func requestNumber(c *call) (int64, error) {
	n, err := strconv.ParseInt(c.param("request"), 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != c.param("request") {
		return 0, errNotFound
	}
	return n, nil
}

func (s *Server) requestReceipt(c *call) (*answer, error) {
	n, err := requestNumber(c)
	if err != nil {
		return nil, err
	}
	raw, err := s.Enclave.RequestReceipt(c.ctx(), n)
	if err != nil {
		return nil, err
	}
	return file("application/json", raw), nil
}

// disclosure gives what the desk alone can open.
func (s *Server) disclosure(c *call) (*answer, error) {
	n, err := requestNumber(c)
	if err != nil {
		return nil, err
	}
	raw, err := s.Enclave.Disclosure(c.ctx(), n)
	if err != nil {
		return nil, err
	}
	return file("application/octet-stream", raw), nil
}

// disclose drafts the disclosure of a request anew.
func (s *Server) disclose(c *call) (*answer, error) {
	n, err := requestNumber(c)
	if err != nil {
		return nil, err
	}
	ack, err := s.Enclave.Disclose(c.ctx(), n)
	if err != nil {
		return nil, err
	}
	return acted(ack), nil
}

func (s *Server) deskKey(c *call) (*answer, error) {
	k, err := s.Enclave.DeskKey(c.ctx())
	if err != nil {
		return nil, err
	}
	return ok(k), nil
}

// putDeskKey has the privacy desk's key pinned: two officers sign for it.
func (s *Server) putDeskKey(c *call) (*answer, error) {
	var body struct {
		Key string `json:"key"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	key, err := seal.ParsePublicKey(body.Key)
	if err != nil {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Clause: "docs/requests.md", Field: "key", Detail: "it is not the public key of a privacy desk", Mend: "send the key that awase desk key printed"}
	}
	return s.put(c, func() (any, error) { return s.Enclave.DeskKey(c.ctx()) }, func() (wire.Ack, error) { return s.Enclave.SetDeskKey(c.ctx(), key) })
}
