package api

import (
	"bytes"
	"net/http"
	"net/url"

	"awase/enclave/wire"
	"awase/entrustment"
	"awase/render"
)

// evidenceEndpoints give in evidence how data was handled.
func (s *Server) evidenceEndpoints() []endpoint {
	return []endpoint{
		{"evidence", http.MethodGet, "/v1/entrustments/:entrustment/evidence", s.evidence},
		{"incident", http.MethodGet, "/v1/incident", s.incident},
	}
}

// evidence is of an entrustment, for those of a party of it: the operator's officers
// and auditors supervise, and see that every act was done.
func (s *Server) evidence(c *call) (*answer, error) {
	e, err := s.seen(c, c.param("entrustment"))
	if err != nil {
		return nil, err
	}
	req := wire.EvidenceRequest{Entrustment: e.ID, Party: c.who.Party}
	if c.who.Operator {
		req.Party = ""
	}
	return s.evidenceOf(c, req, "evidence-"+e.ID)
}

func (s *Server) incident(c *call) (*answer, error) {
	return s.evidenceOf(c, wire.EvidenceRequest{}, "incident")
}

// evidenceOf answers with a pack, or with the signed JSON that it is made of.
func (s *Server) evidenceOf(c *call, req wire.EvidenceRequest, name string) (*answer, error) {
	q, err := c.query("from", "to", "format")
	if err != nil {
		return nil, err
	}
	if req.From, err = day(q, "from"); err != nil {
		return nil, err
	}
	if req.To, err = day(q, "to"); err != nil {
		return nil, err
	}
	format := q.Get("format")
	if format != "" && format != "zip" && format != "json" {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "format", Detail: "evidence has no such form", Mend: "ask for zip or json"}
	}
	done, err := s.layOut(c.ctx())
	if err != nil {
		return nil, err
	}
	defer done()
	raw, err := s.Enclave.Evidence(c.ctx(), req)
	if err != nil {
		return nil, err
	}
	if format == "json" {
		return file("application/json", raw), nil
	}
	var b bytes.Buffer
	if err := render.EvidencePack(&b, raw); err != nil {
		return nil, err
	}
	a := file("application/zip", b.Bytes())
	a.header.Set("Content-Disposition", `attachment; filename="`+name+`.zip"`) // an id has no sign that ends it
	return a, nil
}

// day reads a parameter that is a day; zero without it.
func day(q url.Values, name string) (entrustment.Date, error) {
	text := q.Get(name)
	if text == "" {
		return entrustment.Date{}, nil
	}
	d, err := entrustment.ParseDate(text)
	if err != nil {
		return d, &entrustment.Error{Code: entrustment.CodeSpec, Field: name, Detail: "it is no day", Mend: "write it YYYY-MM-DD"}
	}
	return d, nil
}
