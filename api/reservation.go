package api

import (
	"encoding/json"
	"net/http"

	"awase/api/store"
	"awase/enclave/wire"
	"awase/entrustment"
)

// reservationEndpoints are the operations of reservations: the price of a question
// is held, so that it can be asked later whatever is asked in between.
func (s *Server) reservationEndpoints() []endpoint {
	return []endpoint{
		{"reserve", http.MethodPost, "/v1/reservations", s.holdBudget},
		{"freeReservation", http.MethodDelete, "/v1/reservations/:entrustment/:name", s.freeReservation},
		{"priceReservation", http.MethodPost, "/v1/reservations/:entrustment/:name/price", s.priceReservation},
		{"askReservation", http.MethodPost, "/v1/reservations/:entrustment/:name/report", s.askReservation},
	}
}

func (s *Server) holdBudget(c *call) (*answer, error) {
	var body struct {
		Name     string           `json:"name"`
		Question json.RawMessage  `json:"question"`
		Until    entrustment.Date `json:"until"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	q, err := s.question(c, body.Question)
	if err != nil {
		return nil, err
	}
	if body.Until.IsZero() {
		return nil, &entrustment.Error{Code: entrustment.CodeSpec, Field: "until", Detail: "there is no last day", Mend: "give the day in Japan until which it is held, as 2026-11-30"}
	}
	r, err := s.Enclave.Reserve(c.ctx(), wire.ReserveRequest{Name: body.Name, Question: q, Until: body.Until, Party: s.asker(c.who.Party)})
	if err != nil {
		return nil, s.ownSize(c.ctx(), c.who.Party, q, err)
	}
	return created("/v1/reservations/"+r.Name, r), nil
}

// reservation gives the name of one under an entrustment under which who asks may ask,
// and which question it holds.
func (s *Server) reservation(c *call, expect int64) (string, wire.Price, error) {
	id := c.param("entrustment")
	e, err := s.seen(c, id)
	if err != nil {
		return "", wire.Price{}, err
	}
	if !s.asks(&e, c.who.Party) {
		return "", wire.Price{}, store.ErrNotFound
	}
	if err := s.asksToday(c, id); err != nil {
		return "", wire.Price{}, err
	}
	name := id + "/" + c.param("name")
	p, err := s.Enclave.PriceReserved(c.ctx(), name, expect)
	if err == nil {
		err = s.ownForecast(c.ctx(), c.who.Party, &p, p.Question)
	}
	// Which question is held, a refusal does not say: who uploads sees more of it than others.
	return name, p, s.ownSize(c.ctx(), c.who.Party, &entrustment.Question{Entrustment: id}, err)
}

func (s *Server) freeReservation(c *call) (*answer, error) {
	name, _, err := s.reservation(c, 0)
	if err != nil {
		return nil, err
	}
	r, err := s.Enclave.Free(c.ctx(), name)
	if err != nil {
		return nil, err
	}
	return ok(r), nil
}

func (s *Server) priceReservation(c *call) (*answer, error) {
	var body struct {
		Expect int64 `json:"expect"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	_, p, err := s.reservation(c, max(0, body.Expect))
	if err != nil {
		return nil, err
	}
	return ok(p), nil
}

// askReservation asks the question that is held. The enclave keeps which one that
// is when what was held is drawn, so the job may be done again after a crash.
func (s *Server) askReservation(c *call) (*answer, error) {
	name, p, err := s.reservation(c, 0)
	if err != nil {
		return nil, err
	}
	question, err := json.Marshal(p.Question)
	if err != nil {
		return nil, err
	}
	j, err := c.newJob(kindReport, reportSubject{Question: question, Reservation: name})
	if err != nil {
		return nil, err
	}
	if err := s.Store.AddJob(c.ctx(), j); err != nil {
		return nil, err
	}
	return acceptedJob(j), nil
}
