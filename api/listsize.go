package api

import (
	"context"
	"encoding/json"

	"awase/enclave/wire"
	"awase/entrustment"
)

// seesSize tells whether a party may learn how many rows a list has from what is said
// of a question about it: who uploads under the entrustment, and whom the answer
// would be for, whose list it then is (PRIVACY §4.8). The enclave does not know who
// asks, and says what the recipient may read.
func (s *Server) seesSize(ctx context.Context, party string, q *entrustment.Question) (bool, error) {
	t, err := s.Enclave.Terms(ctx, q.Entrustment)
	if err != nil {
		return false, err
	}
	if t.Party == party || q.Recipient != "" {
		return t.Party == party || q.Recipient == party, nil
	}
	e, err := s.Enclave.Entrustment(ctx, q.Entrustment)
	if err != nil || len(e.Versions) == 0 {
		return false, err
	}
	to := e.Versions[0].Contract.Recipients
	return len(to) == 1 && to[0] == party, nil
}

// ownForecast takes the forecast out of a price for whom it is not: it may follow from
// how many rows the list has.
func (s *Server) ownForecast(ctx context.Context, party string, p *wire.Price, q *entrustment.Question) error {
	if p.Forecast == nil {
		return nil
	}
	sees, err := s.seesSize(ctx, party, q)
	if err == nil && !sees {
		p.Forecast = nil
	}
	return err
}

// ownSize takes the size of a list out of a refusal for who is not to know it.
func (s *Server) ownSize(ctx context.Context, party string, q *entrustment.Question, err error) error {
	refusal := entrustment.Public(err)
	if err == nil || refusal.Code != entrustment.CodeListSmall || !s.holds(controlSize) {
		return err
	}
	if sees, serr := s.seesSize(ctx, party, q); serr == nil && sees {
		return err
	}
	return &entrustment.Error{Code: refusal.Code, Clause: refusal.Clause, Field: refusal.Field, Detail: "reports need a larger list than this one", Mend: "ask the party whose list it is to load a larger one"}
}

// ownSizeOf is ownSize of a question that a job asks.
func (s *Server) ownSizeOf(ctx context.Context, party string, question json.RawMessage, err error) error {
	if err == nil {
		return nil
	}
	q, perr := entrustment.ParseQuestion("question", question)
	if perr != nil {
		return err // nor did the enclave read it
	}
	return s.ownSize(ctx, party, q, err)
}
