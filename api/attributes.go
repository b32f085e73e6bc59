package api

import (
	"awase/entrustment"
)

// attribute is an attribute of the base that a contract lets questions read.
type attribute struct {
	Name    string   `json:"name"`
	Domain  []string `json:"domain"`
	Ordered bool     `json:"ordered"` // a condition may be between two of its values
}

// attributes gives the attributes of the base that the newest version of a contract
// names, in its order, with the values that each may have. They are public: the
// domain of a dimension is declared beforehand, is in every release over it, and a
// refusal for a value that is not in it lists it (PRIVACY §0.4). One that the base
// does not have is left out, and so is one that is sensitive: no question reads them.
func (s *Server) attributes(c *call) (*answer, error) {
	e, err := s.seen(c, c.param("entrustment"))
	if err != nil {
		return nil, err
	}
	bases, err := s.Enclave.Bases(c.ctx())
	if err != nil {
		return nil, err
	}
	var base *entrustment.BaseSchema
	if len(bases) > 0 {
		base = bases[0].Schema
	}
	return ok(whole(readable(e.Versions[0].Contract.Attributes, base))), nil
}

// readable gives those of the named attributes that questions read.
func readable(names []string, base *entrustment.BaseSchema) (out []attribute) {
	for _, name := range names {
		if a := base.Attribute(name); a != nil && !a.Sensitive() {
			out = append(out, attribute{a.Name, a.Domain(), a.Ordered()})
		}
	}
	return out
}
