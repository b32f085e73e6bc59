package api

import (
	"net/http"
	"net/url"
	"strconv"

	"awase/enclave/wire"
	"awase/entrustment"
)

// logEndpoints are what the room shows of itself for people to check.
func (s *Server) logEndpoints() []endpoint {
	return []endpoint{
		{"ledger", http.MethodGet, "/v1/ledger", s.ledger},
		{"log", http.MethodGet, "/v1/log", s.recordLog},
		{"logKey", http.MethodGet, "/v1/log/key", s.logKey},
		{"checkpoint", http.MethodGet, "/v1/log/checkpoint", s.checkpoint},
		{"consistency", http.MethodGet, "/v1/log/proof", s.consistency},
		{"inclusion", http.MethodGet, "/v1/log/entries/:seq/proof", s.inclusion},
		{"attestation", http.MethodGet, "/v1/attestation", s.attestation},
		{"attestationOfOld", http.MethodGet, "/attestation", s.attestation}, // where awase attestation asks
	}
}

// everything reads a parameter by which officers of the operator ask for what is not
// their party's alone.
func (c *call) everything(q url.Values, name string) (bool, error) {
	switch q.Get(name) {
	case "", "false":
		return false, nil
	case "true":
	default:
		return false, &entrustment.Error{Code: entrustment.CodeSpec, Field: name, Detail: "it is neither true nor false", Mend: "leave it out for your own party's"}
	}
	if !c.who.Operator || !c.who.has(Privacy, Auditor) {
		return false, &entrustment.Error{Code: entrustment.CodeForbidden, Clause: "PRIVACY rule 9", Field: name,
			Detail: "what is of all parties is for the operator's privacy officers and auditors", Mend: "leave it out for your own party's"}
	}
	return true, nil
}

func (s *Server) ledger(c *call) (*answer, error) {
	q, err := c.query("officer")
	if err != nil {
		return nil, err
	}
	officer, err := c.everything(q, "officer")
	if err != nil {
		return nil, err
	}
	req := wire.LedgerRequest{Officer: officer}
	if !officer {
		if req.Group, err = s.groupOf(c); err != nil {
			return nil, err
		}
	}
	l, err := s.Enclave.Ledger(c.ctx(), req)
	if err != nil {
		return nil, err
	}
	return ok(l), nil
}

// groupOf gives the group of the asker's party, by which budgets are held.
func (s *Server) groupOf(c *call) (string, error) {
	all, err := s.Enclave.Parties(c.ctx())
	if err != nil {
		return "", err
	}
	for _, p := range all {
		if p.Party.ID == c.who.Party && p.Party.Group != "" {
			return p.Party.Group, nil
		}
	}
	return "", &entrustment.Error{Code: entrustment.CodeNotFound, Field: "party", Detail: "your party is not in the room yet", Mend: "ask the operator to add it: PUT /v1/parties/…"}
}

// logged is a page of the record log.
type logged struct {
	listed[wire.LogEntry]
	Size int64 `json:"size"`
}

func (s *Server) recordLog(c *call) (*answer, error) {
	q, err := c.query("limit", "cursor", "from", "all")
	if err != nil {
		return nil, err
	}
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	everything, err := c.everything(q, "all")
	if err != nil {
		return nil, err
	}
	req := wire.LogRequest{Limit: p.Limit, Party: c.who.Party}
	if everything {
		req.Party = ""
	}
	if req.From, err = number(q, "from", 0); err != nil {
		return nil, err
	}
	if p.After != "" {
		if req.From, err = strconv.ParseInt(p.After, 10, 64); err != nil || req.From < 0 {
			return nil, errCursor
		}
	}
	page, err := s.Enclave.Log(c.ctx(), req)
	if err != nil {
		return nil, err
	}
	out := logged{listed[wire.LogEntry]{Items: page.Entries}, page.Size}
	if page.Next > 0 {
		out.Next = cursorOf(strconv.FormatInt(page.Next, 10))
	}
	return ok(out), nil
}

// number reads a parameter that is a number from 0 up; absent without it.
func number(q url.Values, name string, absent int64) (int64, error) {
	text := q.Get(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != text {
		return 0, &entrustment.Error{Code: entrustment.CodeSpec, Field: name, Detail: "it is not a number from 0 up", Mend: "see /docs"}
	}
	return n, nil
}

func (s *Server) logKey(c *call) (*answer, error) {
	key, err := s.Enclave.LogKey(c.ctx())
	if err != nil {
		return nil, err
	}
	return ok(map[string]string{"key": key}), nil
}

func (s *Server) checkpoint(c *call) (*answer, error) {
	note, err := s.Enclave.Checkpoint(c.ctx())
	if err != nil {
		return nil, err
	}
	return file("text/plain; charset=utf-8", note), nil
}

func (s *Server) consistency(c *call) (*answer, error) {
	q, err := c.query("from", "to")
	if err != nil {
		return nil, err
	}
	from, err := number(q, "from", 0)
	if err != nil {
		return nil, err
	}
	to, err := number(q, "to", 0)
	if err != nil {
		return nil, err
	}
	raw, err := s.Enclave.LogProof(c.ctx(), from, to)
	if err != nil {
		return nil, err
	}
	return file("application/json", raw), nil
}

func (s *Server) inclusion(c *call) (*answer, error) {
	text := c.param("seq")
	seq, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seq < 0 || strconv.FormatInt(seq, 10) != text {
		return nil, errNotFound
	}
	raw, err := s.Enclave.Inclusion(c.ctx(), seq)
	if err != nil {
		return nil, err
	}
	return file("application/json", raw), nil
}

// attestation is for anybody: who is about to trust the room has no account yet.
func (s *Server) attestation(c *call) (*answer, error) {
	q, err := c.query("nonce")
	if err != nil {
		return nil, err
	}
	raw, err := s.Enclave.Attestation(c.ctx(), q.Get("nonce"))
	if err != nil {
		return nil, err
	}
	return file("application/json", raw), nil
}
