package api

import "net/http"

// DropOriginCheck takes the check of where requests come from away, for the twin
// of its test.
func (s *Server) DropOriginCheck() {
	s.origins = http.NewCrossOriginProtection()
	s.origins.AddInsecureBypassPattern("/")
}

// Operation is one operation and who may ask it, for the test of the matrix.
type Operation struct {
	Op, Method, Path string
	Open             bool
	Roles            []Role
	Operator         bool
	Session          bool
	Scope            string
	Other            int
}

// Operations gives every endpoint with its row of access.yaml, and the rows that no
// endpoint is of.
func (s *Server) Operations() (all []Operation, stray []string) {
	seen := map[string]bool{}
	for _, e := range s.endpoints() {
		a := s.access[e.op]
		seen[e.op] = true
		all = append(all, Operation{e.op, e.method, e.path, a.Open, a.Roles, a.Operator, a.Session, a.Scope, a.Other})
	}
	for op := range s.access {
		if !seen[op] {
			stray = append(stray, op)
		}
	}
	return all, stray
}
